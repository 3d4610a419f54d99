package doorbell

import (
	"math"
	"sync/atomic"
	"time"
)

// The limits that tests are about.
const (
	MostHot   = mostHot
	TooIdle   = tooIdle
	Several   = several
	MostAwake = time.Duration(mostAwake)
)

// A Lone is the hub of a doorbell without the goroutine, so that a test decides when it
// looks.
type Lone struct{ hub hub }

// Bell returns a Bell whose Slot lies in Go's memory: only Go code signals it.
func (l *Lone) Bell(c Consumer) *Bell { return &Bell{slot: new(Slot), consumer: c} }

func (l *Lone) Consider(b *Bell, took uint64) { l.hub.consider(b, took) }
func (l *Lone) ServeHot() (took uint64)       { return l.hub.serveHot() }
func (l *Lone) LetGo()                        { l.hub.letGo() }
func (l *Lone) Hot() int                      { return len(l.hub.hot) }

// AddLast has a table that has given out all but n indexes give one Bell after the
// other an index, and returns how many it gave, and why not one more.
func AddLast(n uint32) (given int, err error) {
	t := table{used: math.MaxUint32 - n}
	t.blocks = []*block{{slots: new([perBlock]Slot)}}
	t.blocks[0].bells.Store(new([perBlock]atomic.Pointer[Bell]))
	for err == nil && given <= int(n) {
		b := new(Bell)
		if err = t.add(b); err == nil && b.slot.index != 0 {
			given++
		}
	}
	return given, err
}
