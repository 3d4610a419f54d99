package doorbell

import (
	"runtime"
	"sync/atomic"
	"time"
)

// To wake a consumer that sleeps costs a signaler a system call. So a consumer that
// has found several signals at once, which is a stream, does not sleep right away: it
// looks again for as long as it takes to be woken, in turns with all other
// goroutines. In a stream no thread then enters the kernel, as network drivers go
// from interrupts to polling. Where signals come one by one, no consumer looks
// without finding anything.
const (
	several = 2
	// mostTime bounds how long a consumer looks without finding anything, whatever
	// a turn costs: a goroutine that is locked to its thread has few turns.
	mostTime = 50 * time.Microsecond
	// mostAwake bounds how long a consumer goes without sleeping while it finds
	// something. Where all processors are busy, Go's runtime looks for events of
	// other descriptors only when a goroutine sleeps, or every 10 ms.
	mostAwake = 2 * time.Millisecond
	// longTurn is how long a turn takes only where other goroutines want the
	// processor. Then no consumer looks for the time of busyTime.
	longTurn = 4 * time.Millisecond
	busyTime = 100 * time.Millisecond
	// mostGather is some twenty times what a cache line takes from one processor to
	// another and back.
	mostGather = 4 * time.Microsecond
)

// MostLooks bounds how often a consumer looks without finding anything.
// docs/benchmarks.md says what it was chosen from; only bench changes it.
var MostLooks int32 = 64

var (
	start = time.Now()
	busy  atomic.Int64 // until when, after start, the process has no time to look
)

// A Patience is how often it has been worth looking again. The zero value is 0.
type Patience struct {
	awake atomic.Int64 // since when, after start, each Again has been true; 0: it was not
	looks atomic.Int32
}

// Learn is called with the number of signals that were found together.
func (p *Patience) Learn(signals uint64) {
	if signals >= several && p.looks.Load() != MostLooks {
		p.looks.Store(MostLooks)
	}
}

// Again lets other goroutines run and calls found, again and again until it returns
// true, for as long as that has been worth it. It reports whether found did. If not,
// the caller sleeps.
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

// Gather waits for enough, for a few microseconds at most, if there is a stream: a
// consumer that is as quick as the senders would take each value from the cache of
// the processor that is writing the next one. It does not yield, because Gosched
// wakes a thread that looks for work on the processor of a sender.
func (p *Patience) Gather(enough func() bool) {
	if p.looks.Load() == 0 || !parallel {
		return
	}
	for began := time.Since(start); !enough() && time.Since(start)-began < mostGather; {
	}
}

// parallel is whether a sender can run while a consumer spins.
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
