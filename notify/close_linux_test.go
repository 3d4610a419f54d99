package notify_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// A signal that a C thread sent in time stays in the eventfd for its other holders, whenever Close is
// called.
func TestCloseLeavesWhatCameInTime(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		h := n.Handle()
		file, err := n.File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		var added atomic.Uint64
		var threads sync.WaitGroup
		for i := range uint64(2) {
			threads.Go(func() {
				for handletest.Signal(h, 1+i) {
					added.Add(1 + i)
				}
			})
		}
		hammer.Delay(3)
		n.Close()
		threads.Wait()
		var left uint64
		if added.Load() > 0 {
			left = fetch(t, int(file.Fd()))
		}
		if got := added.Load(); got != left {
			t.Errorf("%d was added in time, but %d is left", got, left)
		}
	})
}

// Close can be called at any moment of an export: every count that was added in time is delivered.
func TestCloseDuringAnExport(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		c := n.C()
		var added, received atomic.Uint64
		var wg sync.WaitGroup
		for i := range uint64(2) {
			wg.Go(func() {
				for k := 1; n.Add(1+i) == nil; k++ {
					if added.Add(1 + i); k%64 == 0 {
						runtime.Gosched() // for machines with few processors
					}
				}
			})
		}
		wg.Go(func() {
			h := n.Handle()
			for k := 1; h != nil && handletest.Signal(h, 5); k++ {
				if added.Add(5); k%64 == 0 {
					runtime.Gosched()
				}
			}
		})
		wg.Go(func() { n.FD() })
		wg.Go(func() {
			for count := range c {
				received.Add(count)
			}
		})
		hammer.Delay(30)
		n.Close()
		wg.Wait()
		if received.Load() != added.Load() {
			t.Errorf("received %d, added %d", received.Load(), added.Load())
		}
	})
}

// Close of an exported Notifier that has never received leaves the count in the eventfd.
func TestCloseLeavesTheCountUnlessItHasReceived(t *testing.T) {
	n := mustNew(t)
	twin, err := notify.FromFD(dup(t, n.FD()))
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	mustAdd(t, n, 5)
	n.Close()
	for name, receive := range receivers {
		if got := receive(t, n); got != 0 {
			t.Errorf("%s of the closed Notifier received %d, want 0", name, got)
		}
	}
	wantWait(t, twin, 5)
}

// A sum that does not fit in a uint64 is received in pieces, even after Close.
func TestPiecesAreReceivedAfterClose(t *testing.T) {
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			n, err := notify.New()
			if err != nil {
				t.Fatal(err)
			}
			h := n.Handle()
			mustAdd(t, n, notify.MaxCount)
			handletest.Signal(h, 1000) // in addition to the count that the word holds
			n.Close()
			var low, carries uint64
			for got := receive(t, n); got != 0; got = receive(t, n) {
				before := low
				if low += got; low < before {
					carries++
				}
			}
			if low != 998 || carries != 1 {
				t.Errorf("received %d and %d times 2^64, want 998 and once", low, carries)
			}
		})
	}
}

// While Close moves what C threads have added to the eventfd, TryWait does not take a part of the count.
func TestTryWaitDuringCloseTakesAll(t *testing.T) {
	if !mode.First() || !rawefd.HasDoorbell {
		return
	}
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	handle, fd := n.Handle(), n.FD()
	mustAdd(t, n, 1)
	wantTryWait(t, "before Close", n, 1)
	write(t, fd, 7)
	(*handletest.Slot)(handle).Word.Add(3) // as a thread that has not rung yet
	got := make(chan uint64, 1)
	var called atomic.Bool
	defer rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "write" && c.Num == fd && called.CompareAndSwap(false, true) {
			go func() { count, _ := n.TryWait(); got <- count }()
			for turns := 0; turns < 10_000 && len(got) == 0; turns++ {
				runtime.Gosched() // TryWait can run, but must wait for Close
			}
		}
		return 0
	})()
	n.Close()
	if !called.Load() {
		t.Fatal("Close writes nothing")
	}
	if count := <-got; count != 10 {
		t.Errorf("TryWait = %d, want 10", count)
	}
}
