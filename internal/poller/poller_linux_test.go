package poller_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// A handler is a function that is called after an event.
type handler func()

func (h handler) Ready() { h() }

func mustNew(t *testing.T) *rawefd.FD {
	t.Helper()
	f, err := rawefd.New(0, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(func() {}) })
	return f
}

func mustAdd(t *testing.T, f *rawefd.FD) {
	t.Helper()
	if err := f.Add(1); err != nil {
		t.Fatal(err)
	}
}

// arm watches f. It returns the source and a channel that receives a value for each call.
func arm(t *testing.T, f *rawefd.FD) (*poller.Source, <-chan int) {
	t.Helper()
	calls := make(chan int, 100)
	s := poller.NewSource(f.Number(), handler(func() { calls <- 1 }))
	if err := s.Arm(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &s, calls
}

// soon receives a value that must come.
func soon(t *testing.T, c <-chan int) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing within 30 s")
	}
}

func TestEverySignalIsAnEdge(t *testing.T) {
	f := mustNew(t)
	_, calls := arm(t, f)
	for range 50 {
		mustAdd(t, f) // the count is not read
		<-calls
	}
}

func TestDisarmedSourceIsQuietUntilItIsArmedAgain(t *testing.T) {
	f, later := mustNew(t), mustNew(t)
	s, calls := arm(t, f)
	_, laterCalls := arm(t, later)
	s.Disarm()
	mustAdd(t, f)
	mustAdd(t, later)
	<-laterCalls
	if len(calls) > 0 {
		t.Error("a disarmed source was called")
	}
	if err := s.Arm(); err != nil {
		t.Fatal(err)
	}
	<-calls // for the signal that came while the source was disarmed
}

// No event is lost if there are more than one epoll_wait returns.
func TestMoreEventsThanOneLookReturns(t *testing.T) {
	const many = 5*rawefd.BatchSize + 1
	var wg sync.WaitGroup
	var fds []*rawefd.FD
	wg.Add(many)
	hold := make(chan int)
	held := mustNew(t)
	blocker := poller.NewSource(held.Number(), handler(func() { hold <- 1; <-hold }))
	if err := blocker.Arm(); err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	for range many {
		f := mustNew(t)
		var once sync.Once
		s := poller.NewSource(f.Number(), handler(func() { once.Do(wg.Done) }))
		if err := s.Arm(); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fds = append(fds, f)
	}
	mustAdd(t, held)
	<-hold // the poller goroutine is busy while all others become ready
	for _, f := range fds {
		mustAdd(t, f)
	}
	hold <- 1
	wg.Wait()
}

func TestNothingIsLeftAfterTheLastSource(t *testing.T) {
	f := mustNew(t)
	before, goroutines := leaktest.Baseline(), leaktest.Goroutines()
	for range 100 {
		s := poller.NewSource(f.Number(), handler(func() {}))
		if err := s.Arm(); err != nil {
			t.Fatal(err)
		}
		if got := leaktest.Goroutines(); got > goroutines+2 { // the last source's can still be ending
			t.Errorf("%d goroutines, there were %d", got, goroutines)
		}
		s.Close()
		if err := leaktest.Check(before); err != nil {
			t.Fatal(err)
		}
	}
}

// A handler can close the last source, although it runs in the goroutine that
// then has to end.
func TestHandlerMayCloseTheLastSource(t *testing.T) {
	before := leaktest.Baseline()
	f := mustNew(t)
	var mu sync.Mutex // the owner calls one method at a time
	var s poller.Source
	done := make(chan int)
	s = poller.NewSource(f.Number(), handler(func() {
		mu.Lock()
		defer mu.Unlock()
		s.Close()
		close(done)
	}))
	mu.Lock()
	err := s.Arm()
	mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, f)
	<-done
	f.Close(func() {})
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}

// Each source is called even if sources come and go, so that the loop starts and stops all the
// time.
func TestStartAgainstStop(t *testing.T) {
	var wg sync.WaitGroup
	var calls atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 500 {
				f, err := rawefd.New(1, false)
				if err != nil {
					t.Error(err)
					return
				}
				called := make(chan int, 1)
				s := poller.NewSource(f.Number(), handler(func() { called <- 1 }))
				if err := s.Arm(); err != nil {
					t.Error(err)
				}
				<-called
				calls.Add(1)
				s.Close()
				f.Close(func() {})
			}
		})
	}
	wg.Wait()
	if got := calls.Load(); got != 2000 {
		t.Errorf("%d calls, want 2000", got)
	}
}
