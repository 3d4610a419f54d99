package counter

import (
	"runtime"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/handle"
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/word"
)

// MostLooks bounds how often the consumer looks in vain, in turns with all other
// goroutines, before he sleeps: some 10 µs on an idle machine, as long as it takes
// to wake him. docs/benchmarks.md tells what it was chosen from; only bench changes it.
var MostLooks int32 = 64

// inside is what serves C threads of this process.
//
// While they add faster than the consumer takes, he does not sleep: to wake him is
// a system call for them. He looks again: MostLooks times if more than one signal
// has come at once, and half as often each time that all looks were in vain. So in
// a stream nobody enters the kernel, and when signals come one by one nobody looks
// in vain.
type inside struct {
	counter *Counter
	slot    *handle.Slot
	ring    poller.Source // tells of rings at the doorbell

	// looks is how often it is worth to look, for goroutines that wait and for the
	// poller.
	looks atomic.Int32

	// The poller goroutine alone uses what follows, with the lock where it says so.
	left   int32 // looks before it sleeps
	serves bool  // a look goes on; with the lock
	served uint8 // what it has taken, if less than several; with the lock
	awake  bool  // it looks again
	listed bool  // Look will be called
}

// Handle moves the word to where C threads can add to it, unless it is there
// already, and returns its address. It is otherwise like Export.
func (c *Counter) Handle(armed bool) (*handle.Slot, error) {
	if in := c.inside.Load(); in != nil {
		return in.slot, nil
	}
	in, err := c.newInside(armed || c.fd.Load() != nil)
	if err != nil {
		return nil, err
	}
	// Whoever finds the old word closed goes to the lock, and then to the new one.
	in.slot.Word.Store(c.own.Swap(word.Closed | word.Held))
	c.word.Store(&in.slot.Word)
	c.inside.Store(in)
	if c.fd.Load() != nil {
		c.publish()
	}
	return in.slot, nil
}

func (c *Counter) newInside(armed bool) (*inside, error) {
	slot, err := handle.New()
	if err != nil {
		return nil, err
	}
	in := &inside{counter: c, slot: slot}
	in.ring = poller.NewSource(slot.Doorbell(), in)
	if err := arm(armed, &in.ring); err != nil {
		slot.Leave() // nobody else knows it
		return nil, err
	}
	return in, nil
}

// Ready answers the doorbell.
func (in *inside) Ready(event bool) {
	if !event {
		in.counter.Ready(false)
		return
	}
	if !in.counter.Lock() {
		return
	}
	in.slot.Answer()
	in.serve()
	in.counter.Unlock()
	if in.awake && !in.listed {
		in.listed = true
		in.ring.StayAwake(in)
	}
}

// Look looks whether there is more, and reports whether to go on.
func (in *inside) Look() bool {
	if in.awake && in.slot.Word.Count() == 0 && in.left > 0 {
		in.left--
		return true
	}
	if in.awake && in.counter.Lock() {
		in.serve()
		in.counter.Unlock()
	} else {
		in.awake = false
	}
	in.listed = in.awake
	return in.awake
}

// serve is one look of the poller. The caller holds the lock.
func (in *inside) serve() {
	in.awake, in.served, in.serves = false, 0, true
	in.counter.owner.Serve()
	in.serves = false
}

// took counts what is taken in a look of the poller. The caller holds the lock.
func (c *Counter) took(n uint64) {
	if in := c.inside.Load(); in != nil && in.serves {
		in.served = uint8(min(uint64(in.served)+n, several))
	}
}

// stay reports whether the poller will look again, so that the owner, who calls
// Sleep, need not be rung for. The caller holds the lock.
func (in *inside) stay(enough, held uint64) bool {
	if !in.serves {
		return false
	}
	in.learn(uint64(in.served))
	in.left = in.looks.Load()
	in.awake = in.served > 0 && in.left > 0
	return in.awake && in.counter.rest < enough && in.slot.Word.Sleep(enough-in.counter.rest, held)
}

// several signals at once are a stream.
const several = 2

// learn changes looks after one, or a number of them in vain, that found so many
// signals.
func (in *inside) learn(signals uint64) {
	switch {
	case signals == 0:
		in.looks.Store(in.looks.Load() / 2)
	case signals >= several:
		in.looks.Store(MostLooks)
	}
}

// Linger has a goroutine that is about to sleep try again, as often as it was
// worth it of late, and reports whether try was successful.
func (c *Counter) Linger(try func() bool) bool {
	in := c.inside.Load()
	if in == nil {
		return false
	}
	looks := in.looks.Load()
	for range looks {
		runtime.Gosched()
		if try() {
			return true
		}
	}
	if looks > 0 {
		in.learn(0)
	}
	return false
}

// Learn tells Linger how many signals a goroutine has found, when it looked or
// when it was woken.
func (c *Counter) Learn(signals uint64) {
	if in := c.inside.Load(); in != nil {
		in.learn(signals)
	}
}
