//go:build unix

package lead_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m.Run) }

// A desk is a Post whose sleepers wait for letters. Letters are delivered when the desk's
// doorbell is rung.
type desk struct {
	door *rawefd.Doorbell
	post *lead.Post
	mu   sync.Mutex // guards the boxes
	all  []*box
}

// A box is where one sleeper at a time waits for its letters.
type box struct {
	desk    *desk
	leader  *lead.Leader
	letters int
	needed  bool
	got     chan int // has a buffer of one

	// The sleeper alone uses these.
	count  int
	served bool
	tired  atomic.Bool
}

func newDesk(t *testing.T, boxes int) *desk {
	t.Helper()
	door, err := rawefd.NewDoorbell()
	if err != nil {
		t.Skipf("no doorbell: %v", err)
	}
	d := &desk{door: door}
	d.post = lead.NewPost(&door.Polled, d.look)
	for range boxes {
		b := &box{desk: d, got: make(chan int, 1)}
		b.leader = lead.NewLeader(b.deliver, b.done)
		d.all = append(d.all, b)
	}
	return d
}

// close ends the post, where no goroutine is sleeping any more, and waits until the doorbell
// is closed. If the doorbell is a pipe, its other end is closed only then: writing to it
// shows whether the reading end has been closed.
func (d *desk) close(t *testing.T) {
	d.post.End()
	hammer.Eventually(t, func() string { return "the descriptor stays open" }, func() bool {
		err := ring(d.door)
		if err == syscall.EPIPE {
			syscall.Close(d.door.Number())
		}
		return err != nil && err != syscall.EAGAIN
	})
}

// look is as strict as the doorbell's Look: a leader serves only its own box.
func (d *desk) look(by *lead.Leader) (rested bool) {
	d.door.Empty()
	d.mu.Lock()
	defer d.mu.Unlock()
	rested = true
	for _, b := range d.all {
		switch {
		case by == nil || b.leader == by:
			b.serve()
		case b.needed && b.letters > 0:
			rested = false
		}
	}
	return rested
}

func (b *box) deliver() {
	b.desk.mu.Lock()
	defer b.desk.mu.Unlock()
	b.serve()
}

// serve delivers the letters if there is a sleeper and a letter. The caller holds the lock.
func (b *box) serve() {
	if b.needed && b.letters > 0 {
		b.needed = false
		b.desk.post.Need(-1)
		b.got <- b.letters
		b.letters = 0
	}
}

func (b *box) done() bool {
	if b.served {
		return true
	}
	select {
	case b.count = <-b.got:
		b.served = true
	default:
	}
	return b.served || b.tired.Load()
}

// wait returns how many letters came. That is 0 only if the sleeper was tired.
func (b *box) wait(leads bool) int {
	d := b.desk
	d.mu.Lock()
	if n := b.letters; n > 0 {
		b.letters = 0
		d.mu.Unlock()
		return n
	}
	b.needed, b.served = true, false
	d.post.Need(1)
	leads = leads && b.leader.Take(d.post)
	if !leads {
		d.post.Ensure()
	}
	d.mu.Unlock()
	if leads {
		b.leader.Sleep()
		b.leader.Release()
	}
	switch {
	case b.served:
		return b.count
	case b.tired.Swap(false):
		d.mu.Lock()
		defer d.mu.Unlock()
		if b.needed {
			b.needed = false
			d.post.Need(-1)
			return 0
		}
	}
	return <-b.got
}

// send puts a letter into the box and rings the doorbell. With byHand, it instead delivers to
// a sleeper directly, if there is one.
func (b *box) send(byHand bool) {
	b.desk.mu.Lock()
	b.letters++
	if byHand && b.needed {
		b.serve()
		b.leader.Nudge()
		byHand = true
	} else {
		byHand = false
	}
	b.desk.mu.Unlock()
	if !byHand {
		ring(b.desk.door)
	}
}

func ring(door *rawefd.Doorbell) error {
	_, err := syscall.Write(door.Number(), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return err // EAGAIN if the doorbell is a full pipe, which has been rung already
}

// tire makes the sleeper give up.
func (b *box) tire() {
	b.tired.Store(true)
	b.leader.Nudge()
}

// No letter is lost and no sleeper is left at a post without a goroutine, regardless of which
// sleepers lead, give up or are served directly.
func TestNoSleeperIsLeftBehind(t *testing.T) {
	for _, boxes := range []int{1, 2, 5} {
		d := newDesk(t, boxes)
		hammer.For(time.Second, 1, func() {
			var all sync.WaitGroup
			for _, b := range d.all {
				const letters = 200
				all.Go(func() {
					for range letters {
						b.send(rand.IntN(8) == 0)
						if rand.IntN(8) == 0 {
							b.tire()
						}
						for range rand.IntN(64) {
							hammer.Yield()
						}
					}
				})
				all.Go(func() {
					for got := 0; got < letters; {
						got += b.wait(rand.IntN(8) > 0)
					}
				})
			}
			all.Wait() // would not return if a sleeper were left behind
		})
		d.close(t)
	}
}

// Once the keeper has gone, a sleeper that waits alone leads, and no other goroutine waits at
// the post.
func TestLoneSleeperLeads(t *testing.T) {
	d := newDesk(t, 1)
	b := d.all[0]
	led := func() bool {
		came := make(chan bool)
		go func() {
			d.mu.Lock()
			b.needed, b.served = true, false
			d.post.Need(1)
			leads := b.leader.Take(d.post)
			d.mu.Unlock()
			if leads {
				b.leader.Sleep()
				b.leader.Release()
			}
			if !b.served {
				<-b.got
			}
			came <- leads
		}()
		for sleeping := false; !sleeping; {
			d.mu.Lock()
			sleeping = b.needed
			d.mu.Unlock()
		}
		b.send(false)
		return <-came
	}
	if !led() {
		t.Error("the first sleeper did not lead at an empty post")
	}
	d.post.Ensure()
	hammer.Eventually(t, func() string { return "the keeper does not make room for a lone sleeper" }, led)
	if !led() {
		t.Error("a lone sleeper did not lead though the keeper had gone")
	}
	d.close(t)
}

// End closes the descriptor, whether a goroutine is at the post or not.
func TestEndCloses(t *testing.T) {
	for _, manned := range []bool{false, true} {
		d := newDesk(t, 1)
		if manned {
			d.post.Ensure()
		}
		d.close(t)
	}
}
