package doorbell

import (
	"math"
	"sync/atomic"
	"time"
)

// The limits that are tested.
const (
	MostHot   = mostHot
	TooIdle   = tooIdle
	Several   = several
	MostAwake = time.Duration(mostAwake)
)

// A Lone is the hub of a doorbell without a goroutine, so that a test decides when it
// looks.
type Lone struct{ hub hub }

// Bell returns a Bell whose Slot is in Go's memory, because only Go code signals it.
func (l *Lone) Bell(c Consumer) *Bell { return &Bell{slot: new(Slot), consumer: c} }

func (l *Lone) Consider(b *Bell, took uint64) { l.hub.consider(b, took) }
func (l *Lone) ServeHot() (took uint64)       { return l.hub.serveHot() }
func (l *Lone) LetGo()                        { l.hub.letGo() }
func (l *Lone) Hot() int                      { return len(l.hub.hot) }

// AddLast makes a table that has only n indexes left, and adds Bells to it until that fails. It
// returns how many were given an index, and the error.
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

// SetIdle sets how long the keeper waits for another Bell, and returns a function that undoes it.
func SetIdle(d time.Duration) (restore func()) {
	before := idle
	idle = d
	return func() { idle = before }
}
