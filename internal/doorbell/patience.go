package doorbell

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Waking a sleeping consumer costs the signaler a system call. A consumer that
// finds several signals together, which is called a stream, therefore does not sleep right away.
// It polls for about as long as it takes to be woken, in turns with all other
// goroutines. In a stream no thread then enters the kernel, much as network drivers switch
// from interrupts to polling. If signals come one by one, no consumer polls
// without finding anything.
const (
	several = 2 // how many signals together make a stream
	// mostTime limits how long a consumer polls without finding anything, whatever
	// a turn costs: a goroutine that is locked to its thread has few turns.
	mostTime = 50 * time.Microsecond
	// mostAwake limits how long a consumer goes without sleeping while it finds
	// signals. If all processors are busy, Go's runtime checks for events of
	// other descriptors only when a goroutine sleeps, or every 10 ms.
	mostAwake = 2 * time.Millisecond
	// longTurn is a time that a turn takes only if other goroutines want the
	// processor. After such a turn no consumer polls for busyTime.
	longTurn = 4 * time.Millisecond
	busyTime = 100 * time.Millisecond
	// mostGather is about twenty times what a cache line takes from one processor to
	// another and back.
	mostGather = 4 * time.Microsecond
)

// MostLooks limits how often a consumer polls without finding anything.
// docs/benchmarks.md says why it is 64. Only bench changes it.
var MostLooks int32 = 64

var (
	start = time.Now()
	busy  atomic.Int64 // no consumer polls until this time, which counts from start
)

// A Patience is how often a consumer polls before it sleeps, learned from how often that was
// worthwhile. The zero value is 0 times.
type Patience struct {
	awake atomic.Int64 // since when, counting from start, each Again has returned true; 0: the last did not
	looks atomic.Int32 // how often the next Again polls
}

// Learn is called with the number of signals that were found together. A stream makes the next
// Again poll.
func (p *Patience) Learn(signals uint64) {
	if signals >= several && p.looks.Load() != MostLooks {
		p.looks.Store(MostLooks)
	}
}

// Again polls before the caller sleeps: it lets other goroutines run and calls found, again and
// again until found returns true, or until it is not worthwhile any more. It reports whether
// found returned true. If not, the caller sleeps.
func (p *Patience) Again(found func() bool) bool {
	looks := p.looks.Load()
	if looks == 0 {
		return false
	}
	began := time.Since(start)
	if began < time.Duration(busy.Load()) || p.awakeFor(began) > mostAwake {
		p.awake.Store(0)
		return false
	}
	for turn := began; looks > 0; looks-- {
		runtime.Gosched()
		if found() {
			return true
		}
		now := time.Since(start)
		if now-turn > longTurn {
			busy.Store(int64(now + busyTime))
		}
		if now-began > mostTime {
			break
		}
		turn = now
	}
	p.awake.Store(0)
	p.looks.Store(p.looks.Load() / 2)
	return false
}

// Gather waits until enough returns true, or for a few microseconds, if there is a stream. Without
// that, a consumer as fast as the senders would take each value from the cache of
// the processor that is writing the next one. Gather does not yield, because Gosched
// wakes a thread that looks for work on the processor of a sender.
func (p *Patience) Gather(enough func() bool) {
	if p.looks.Load() == 0 || !parallel {
		return
	}
	for began := time.Since(start); !enough() && time.Since(start)-began < mostGather; {
	}
}

// parallel says whether a sender can run while a consumer spins.
var parallel = runtime.NumCPU() > 1

// awakeFor returns for how long the consumer has not slept.
func (p *Patience) awakeFor(now time.Duration) time.Duration {
	since := time.Duration(p.awake.Load())
	if since == 0 {
		p.awake.Store(int64(now))
		return 0
	}
	return now - since
}
