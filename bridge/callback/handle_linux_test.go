//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// These tests check what goroutines receive from a Notifier or Semaphore when C threads add
// to its handle.

func newNotifier() (*notify.Notifier, unsafe.Pointer) {
	n := must(notify.New())
	return n, mustHandle(n)
}

func newSemaphore(permits int64) (*semaphore.Semaphore, unsafe.Pointer) {
	s := must(semaphore.New(permits))
	return s, mustHandle(s)
}

func mustHandle(object interface{ Handle() unsafe.Pointer }) unsafe.Pointer {
	handle := object.Handle()
	if handle == nil {
		panic("Handle is nil")
	}
	return handle
}

// receivers holds the ways to receive a part of the count of a Notifier.
var receivers = map[string]func(*notify.Notifier) (uint64, error){
	"Wait": func(n *notify.Notifier) (uint64, error) { return n.Wait(context.Background()) },
	"C":    func(n *notify.Notifier) (uint64, error) { return <-n.C(), nil },
	"TryWait": func(n *notify.Notifier) (uint64, error) {
		count, ok := n.TryWait()
		if !ok {
			runtime.Gosched()
		}
		return count, nil
	},
	"Wait and TryWait": func(n *notify.Notifier) (uint64, error) {
		if count, ok := n.TryWait(); ok {
			return count, nil
		}
		return n.Wait(context.Background())
	},
}

func TestThreadsReachNotifier(t *testing.T) {
	for name, receive := range receivers {
		for _, exported := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", exported"}[exported], func(t *testing.T) {
				n, handle := newNotifier()
				defer n.Close()
				if exported && n.FD() < 0 {
					t.Fatal("no descriptor")
				}
				const threads, times = 4, 20_000
				var started []*chandle.Thread
				for i := range threads {
					started = append(started, must(chandle.Add(handle, uint64(i+1), times, forever)))
				}
				const want = times * (1 + 2 + 3 + 4)
				received := uint64(0)
				for received < want {
					count, err := receive(n)
					if err != nil {
						t.Fatal(err)
					}
					received += count
				}
				if answers := join(t, started...); answers != (chandle.Answers{Added: want}) || received != want {
					t.Errorf("received %d, answers %+v, want %d", received, answers, want)
				}
				if count, ok := n.TryWait(); ok {
					t.Errorf("%d more arrived than were added", count)
				}
			})
		}
	}
}

// A receiver that falls asleep is woken even if only one thread can wake it. If a wake-up
// is lost, the test hangs.
func TestNoThreadIsOverslept(t *testing.T) {
	for _, name := range []string{"Wait", "C"} {
		t.Run(name, func(t *testing.T) {
			n, handle := newNotifier()
			defer n.Close()
			for round := range 1000 {
				thread := must(chandle.Add(handle, 1, 3, forever))
				for received := uint64(0); received < 3; {
					count, err := receivers[name](n)
					if err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
					received += count
				}
				join(t, thread)
			}
		})
	}
}

func TestLargeAddsReachNotifier(t *testing.T) {
	n, handle := newNotifier()
	defer n.Close()
	for _, test := range []struct {
		n    uint64
		want chandle.Answers
	}{
		{1 << 32, chandle.Answers{Added: 1 << 32}},
		{1<<59 - 1<<33, chandle.Answers{Added: 1<<59 - 1<<33}},
		{1 << 59, chandle.Answers{Full: 1}},
		{1 << 60, chandle.Answers{Full: 1}},
		{9, chandle.Answers{Added: 9}},
	} {
		if got := mustAdd(t, handle, test.n); got != test.want {
			t.Errorf("adding %#x: got %+v, want %+v", test.n, got, test.want)
		}
	}
	const want = 1<<59 - 1<<32 + 9
	if got, ok := n.TryWait(); got != want {
		t.Errorf("TryWait = %#x, %v; want %#x", got, ok, uint64(want))
	}
}

func TestThreadsReleasePermits(t *testing.T) {
	for _, exported := range []bool{false, true} {
		t.Run(map[bool]string{false: "handle alone", true: "exported"}[exported], func(t *testing.T) {
			s, handle := newSemaphore(0)
			defer s.Close()
			if exported && s.FD() < 0 {
				t.Fatal("no descriptor")
			}
			const threads, times = 4, 5_000
			var started []*chandle.Thread
			for range threads {
				started = append(started, must(chandle.Add(handle, 3, times, forever)))
			}
			var wg sync.WaitGroup
			for _, n := range []int64{1, 2, 3, 6} { // 12 permits in each round, as many as are released
				wg.Go(func() {
					for range times {
						if err := s.Acquire(context.Background(), n); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if answers := join(t, started...); answers != (chandle.Answers{Added: threads * times * 3}) {
				t.Errorf("answers %+v", answers)
			}
			if s.TryAcquire(1) {
				t.Error("a permit is free; want none")
			}
		})
	}
}

func TestThreadsReachSemaphoreChannel(t *testing.T) {
	s, handle := newSemaphore(0)
	defer s.Close()
	thread := must(chandle.Add(handle, 2, 1000, forever))
	for range 2000 {
		<-s.C()
	}
	join(t, thread)
	select {
	case <-s.C():
		t.Error("one more permit was received than was released")
	default:
	}
}

// A waiter for several permits does not continue before all of them have been released.
func TestLargeAcquireWaitsForThread(t *testing.T) {
	s, handle := newSemaphore(1)
	defer s.Close()
	acquired := make(chan error)
	go func() { acquired <- s.Acquire(context.Background(), 10) }()
	for range 8 {
		mustAdd(t, handle, 1)
	}
	select {
	case err := <-acquired:
		t.Fatalf("Acquire(10) returned %v with 9 permits free", err)
	case <-time.After(20 * time.Millisecond):
	}
	mustAdd(t, handle, 1)
	if err := <-acquired; err != nil {
		t.Error(err)
	}
}

func TestSignalIsCallback(t *testing.T) {
	n, handle := newNotifier()
	defer n.Close()
	threads := []*chandle.Thread{
		must(chandle.Call(callback.Signal(), handle, 700)),
		must(chandle.Call(callback.Signal(), handle, 77)),
	}
	for received := uint64(0); received < 777; {
		count, err := n.Wait(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		received += count
	}
	join(t, threads...)
	if count, ok := n.TryWait(); ok {
		t.Errorf("%d callbacks too many arrived", count)
	}
	n.Close()
	for _, data := range []unsafe.Pointer{handle, nil} {
		join(t, must(chandle.Call(callback.Signal(), data, 1)))
	}
	if first, second := callback.Signal(), callback.Signal(); first != second || first == nil {
		t.Errorf("Signal = %v, then %v", first, second)
	}
}

func TestCloseEndsHandle(t *testing.T) {
	n, forSignals := newNotifier()
	s, forPermits := newSemaphore(7)
	n.Close()
	s.Close()
	for _, handle := range []unsafe.Pointer{forSignals, forPermits} {
		for _, n := range []uint64{1, 1 << 40} {
			if answers := mustAdd(t, handle, n); answers != (chandle.Answers{Closed: 1}) {
				t.Errorf("adding %d after Close: got %+v, want EBADF", n, answers)
			}
		}
	}
}

// The sum of the adds that returned 0 is the sum received, even with adds in a signal
// handler that interrupts an add, waiters that give up, and Close at any moment.
func TestNotifierConservesWhatThreadsAdd(t *testing.T) {
	defer hammer.ReuseNumbers(t)()
	hammer.For(time.Second/2, 2, func() {
		n, handle := newNotifier()
		threads := []*chandle.Thread{
			must(chandle.AddInterrupted(handle, 1, forever, 3)),
			must(chandle.Add(handle, 2, forever, 3)),
			must(chandle.Add(handle, 1<<33, 100_000, 3)),
		}
		var received atomic.Uint64
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for err := error(nil); !errors.Is(err, os.ErrClosed); {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i+1)*100*time.Microsecond)
					var count uint64
					count, err = n.Wait(ctx)
					cancel()
					received.Add(count)
				}
			})
		}
		c := n.C() // so that there is a receiver at any moment
		wg.Go(func() {
			for count := range c {
				received.Add(count)
			}
		})
		hammer.Delay(5000)
		if rand.N(2) == 0 {
			n.FD()
			count, _ := n.TryWait()
			received.Add(count)
		}
		n.Close()
		wg.Wait()
		answers := join(t, threads...)
		if answers.Added != received.Load() || answers.Full != 0 {
			t.Errorf("received %d, answers %+v", received.Load(), answers)
		}
	})
}

// Every permit that threads have released is either acquired or free, even if waiters for
// one or more permits give up.
func TestSemaphoreConservesWhatThreadsRelease(t *testing.T) {
	hammer.For(time.Second/2, 2, func() {
		s, handle := newSemaphore(0)
		defer s.Close()
		threads := []*chandle.Thread{
			must(chandle.AddInterrupted(handle, 1, 2_000, forever)),
			must(chandle.Add(handle, 2, 2_000, forever)),
		}
		var acquired atomic.Int64
		var wg sync.WaitGroup
		for i := range int64(3) {
			wg.Go(func() {
				for range 20 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
					if s.Acquire(ctx, 2*i+1) == nil {
						acquired.Add(2*i + 1)
					}
					cancel()
					if s.TryAcquire(1) {
						acquired.Add(1)
					}
				}
			})
		}
		wg.Wait()
		answers := join(t, threads...)
		free, err := s.Count()
		if got := acquired.Load() + free; got != int64(answers.Added) || err != nil {
			t.Errorf("%d permits acquired and free, error %v; answers %+v", got, err, answers)
		}
		s.Close()
		if answers := mustAdd(t, handle, 1); answers != (chandle.Answers{Closed: 1}) {
			t.Errorf("releasing after Close: got %+v, want EBADF", answers)
		}
	})
}
