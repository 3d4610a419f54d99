package counter_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

// While the count moves to the eventfd, calls without the lock can use neither the word nor the
// eventfd, because each alone would look empty.
func TestExportShowsTheEventfdLast(t *testing.T) {
	for name, enter := range map[string]func(testing.TB, *counter.Counter){"private": places["private"], "shared": handOut} {
		t.Run(name, func(t *testing.T) {
			c := newCounter(t, 5)
			var writes atomic.Int64
			defer rawefd.SetHook(func(call rawefd.Call) syscall.Errno {
				if call.Name == "write" {
					writes.Add(1)
					if c.FD() != nil || c.Word().Idle() {
						t.Errorf("eventfd shown: %v, word idle: %v, before the count is in the eventfd; want both false", c.FD() != nil, c.Word().Idle())
					}
				}
				return 0
			})()
			lock(t, c, func() { enter(t, c); export(t, c) })
			if got := writes.Load(); got != 1 {
				t.Errorf("the count moved by %d calls of write(2), want 1", got)
			}
		})
	}
}

// threadAdds adds to the word like a C thread that has not rung yet.
func threadAdds(t *testing.T, c *counter.Counter, n uint64) {
	t.Helper()
	if !c.Word().AddHeld(n) {
		t.Fatal("no room in the word")
	}
}

// inBoth returns a Counter that is shared and exported.
func inBoth(t *testing.T, o counter.Owner, semaphore bool) *counter.Counter {
	t.Helper()
	c := new(counter.Counter)
	c.Init(0, semaphore, nil, o)
	t.Cleanup(func() { end(c) })
	lock(t, c, func() { handOut(t, c); export(t, c) })
	return c
}

// Take, TakeAll and Count include what a C thread has added, even before the doorbell's goroutine
// has moved it.
func TestWhatAThreadAddedIsThere(t *testing.T) {
	c := inBoth(t, owner{}, true)
	lock(t, c, func() {
		threadAdds(t, c, 3)
		wantCount(t, "with 3 in the word", c, 3)
		threadAdds(t, c, 1)
		if took, err := c.Take(4); !took || err != nil {
			t.Errorf("Take(4) = %v, %v; want true", took, err)
		}
	})
	c = inBoth(t, owner{}, false)
	lock(t, c, func() {
		threadAdds(t, c, 3)
		if got, err := c.TakeAll(); got != 3 || err != nil {
			t.Errorf("TakeAll = %d, %v; want 3", got, err)
		}
	})
}

// What is not in the eventfd can be taken even if reading the eventfd fails.
func TestTakeAllBesideAnEventfdThatFails(t *testing.T) {
	c := inBoth(t, owner{}, false)
	lock(t, c, func() {
		defer rawefd.SetHook(func(call rawefd.Call) syscall.Errno {
			if (call.Name == "read" || call.Name == "preadv2") && call.Num == c.FD().Number() {
				return unix.EIO
			}
			return 0
		})()
		if err := c.Add(7); err != nil {
			t.Fatal(err)
		}
		c.Keep(2)
		threadAdds(t, c, 3)
		if got, err := c.TakeAll(); got != 5 || err != nil {
			t.Errorf("TakeAll = %d, %v; want 5", got, err)
		}
		if got, err := c.TakeAll(); got != 0 || !errors.Is(err, unix.EIO) {
			t.Errorf("TakeAll = %d, %v; want EIO", got, err)
		}
	})
}

// Other holders of the eventfd find in it what a C thread has added, after Sleep, Wake and
// Shut.
func TestOtherHoldersFindWhatAThreadAdded(t *testing.T) {
	for name, publish := range map[string]func(*counter.Counter){
		"Sleep": func(c *counter.Counter) { c.Sleep(1, true) },
		"Wake":  (*counter.Counter).Wake,
	} {
		t.Run(name, func(t *testing.T) {
			c := inBoth(t, owner{}, false)
			lock(t, c, func() {
				threadAdds(t, c, 3)
				publish(c)
				if got, err := c.FD().Take(); got != 3 || err != nil {
					t.Errorf("the eventfd has %d, %v; want 3", got, err)
				}
				if !c.Word().Claim() {
					t.Error("the next signal of a thread does not ring")
				}
				c.Word().Answer()
				publish(c)
			})
		})
	}
	for name, enter := range map[string]func(testing.TB, *counter.Counter){
		"both":                      places["both"],
		"both, the other way round": places["both, the other way round"],
	} {
		t.Run("Shut, "+name, func(t *testing.T) {
			c := newCounter(t, 0)
			lock(t, c, func() { enter(t, c) })
			lock(t, c, func() {
				if !c.Word().Claim() {
					t.Error("the first signal of a thread does not ring")
				}
				c.Word().Answer()
			})
			threadAdds(t, c, 3)
			file, err := c.FD().Dup()
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			fd, _ := shut(c)
			fd.Close(func() { c.LockShut(); c.End(); c.Leave(); c.UnlockShut() })
			var buf [8]byte
			if n, err := unix.Read(int(file.Fd()), buf[:]); n != 8 || err != nil || buf[0]+buf[7] != 3 {
				t.Errorf("read(2) = %d, %v, % x; want a count of 3", n, err, buf)
			}
		})
	}
}

// served is an owner that counts calls of Serve.
type served chan int

func (o served) Serve() {
	select {
	case o <- 1:
	default:
	}
}

// If the eventfd has no room for the count, the Counter tries again later.
func TestPublishIsTriedAgain(t *testing.T) {
	o := make(served, 1)
	c := inBoth(t, o, false)
	lock(t, c, func() {
		if err := c.Add(rawefd.MaxCount); err != nil {
			t.Fatal(err)
		}
		threadAdds(t, c, 3)
		c.Wake()
	})
	select {
	case <-o:
	case <-time.After(30 * time.Second):
		t.Fatal("Serve was not called within 30 s, though there is no room for 3")
	}
}

// After an Export that fails, a later Arm does not use the eventfd that was closed.
func TestExportThatFailsIsForgotten(t *testing.T) {
	c := newCounter(t, 7)
	var calls atomic.Int64
	defer rawefd.SetHook(func(call rawefd.Call) syscall.Errno {
		if call.Name == "epoll_ctl" {
			calls.Add(1)
			return unix.ENOSPC
		}
		return 0
	})()
	lock(t, c, func() {
		if _, err := c.Export(true); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("Export = %v, want ENOSPC", err)
		}
		calls.Store(0)
		if err := c.Arm(); err != nil || calls.Load() != 0 {
			t.Errorf("Arm = %v after %d calls of epoll_ctl(2), want nil after none", err, calls.Load())
		}
		wantCount(t, "after an Export that failed", c, 7)
	})
}

// Whenever Export runs, no count that is added without the lock stays in the private word, where
// other holders of the eventfd would not see it.
func TestExportLeavesNothingInThePrivateWord(t *testing.T) {
	s := newStream()
	defer s.end()
	rounds := 300
	if !hammer.InCI() {
		rounds = 50
	}
	for range rounds {
		s.meet(t, func(c *target) {
			lock(t, &c.Counter, func() {
				export(t, &c.Counter)
				if left := c.Word().Count(); left != 0 {
					t.Errorf("%d are in the word after Export, want 0", left)
				}
			})
		})
	}
}

// The word never looks empty while Handle moves the count.
func TestHandleFillsTheWordFirst(t *testing.T) {
	var current atomic.Pointer[counter.Counter]
	current.Store(newCounter(t, 41))
	var stop atomic.Bool
	done := make(chan int)
	go func() {
		defer close(done)
		for !stop.Load() {
			if current.Load().Word().Idle() {
				t.Error("the word looks empty, want 41")
			}
			hammer.Yield()
		}
	}()
	for range 5000 {
		c := current.Load()
		lock(t, c, func() { handOut(t, c) })
		current.Store(newCounter(t, 41))
	}
	stop.Store(true)
	<-done
}

// A stream of signals does not keep publish busy: it ends although a thread adds in each of its
// writes, and what was added while it ran is seen soon.
func TestPublishEndsInAStream(t *testing.T) {
	looks := make(served, 1)
	c := inBoth(t, looks, false)
	num := c.FD().Number()
	var h unsafe.Pointer
	lock(t, c, func() { slot, _ := c.Handle(false); h = unsafe.Pointer(slot) })
	var writes, added atomic.Int32
	done := rawefd.SetHook(func(call rawefd.Call) syscall.Errno {
		if call.Name == "write" && call.Num == num && writes.Add(1) < 1000 {
			handletest.Signal(h, 1)
			added.Add(1)
		}
		return 0
	})
	lock(t, c, func() {
		select {
		case <-looks: // of the Handle
		default:
		}
		threadAdds(t, c, 1)
		c.Word().Claim() // the thread has rung, and the doorbell looks
		c.Word().Answer()
		c.Wake()
		if n := writes.Load(); n > 2 {
			t.Errorf("publish has written %d times, want at most twice", n)
		}
	})
	done()
	<-looks
	lock(t, c, func() {
		got, err := c.TakeAll()
		if want := 1 + uint64(added.Load()); got != want || err != nil {
			t.Errorf("TakeAll = %d, %v; want %d", got, err, want)
		}
	})
}
