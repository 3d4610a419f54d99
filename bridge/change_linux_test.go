package bridge_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// newSockets returns two connected sockets, which are closed at the end of the test. Both
// are writable.
func newSockets(t testing.TB) (a, b int) {
	t.Helper()
	a, b = newBareSockets(t)
	t.Cleanup(func() { unix.Close(a); unix.Close(b) })
	return a, b
}

func mustChange(t testing.TB, w *bridge.Watcher, events bridge.Events) {
	t.Helper()
	if err := w.Change(events); err != nil {
		t.Fatal(err)
	}
}

func mustWrite(t testing.TB, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

// untilAsleep returns once a goroutine is asleep in the function.
func untilAsleep(t testing.TB, function string) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for {
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			asleep := strings.Contains(stack, " [select") || strings.Contains(stack, " [IO wait")
			if asleep && strings.Contains(stack, function) {
				return
			}
		}
		runtime.Gosched()
	}
}

// eachSharing runs a test twice: with a Watcher that has a registration of its own, and
// with one that shares its registration with other Watchers.
func eachSharing(t *testing.T, events bridge.Events, test func(t *testing.T, w *bridge.Watcher, fd, peer int)) {
	for name, others := range map[string]int{"alone": 0, "shared": 2} {
		t.Run(name, func(t *testing.T) {
			fd, peer := newSockets(t)
			for range others {
				mustWatch(t, fd, events)
			}
			test(t, mustWatch(t, fd, events), fd, peer)
		})
	}
}

// Change reports an event that is there already as a new edge, and no longer reports
// events that are no longer asked for.
func TestChangeReportsOtherEvents(t *testing.T) {
	eachSharing(t, bridge.Readable, func(t *testing.T, w *bridge.Watcher, fd, peer int) {
		wantQuiet(t, w)
		mustChange(t, w, bridge.Writable)
		wantEdge(t, w, bridge.Writable)
		wantWait(t, w, bridge.Writable)
		mustChange(t, w, bridge.Readable)
		wantQuiet(t, w)
		mustWrite(t, peer)
		wantEdge(t, w, bridge.Readable)
		wantWait(t, w, bridge.Readable)
		mustChange(t, w, bridge.Readable) // the same events make an edge as well
		wantEdge(t, w, bridge.Readable)
		mustChange(t, w, bridge.Readable|bridge.Writable)
		wantEdge(t, w, bridge.Readable|bridge.Writable)
		mustChange(t, w, 0)
		wantQuiet(t, w)
	})
}

// Change removes from C's buffer the events that are no longer asked for, except HangUp.
func TestChangeTakesFromC(t *testing.T) {
	eachSharing(t, bridge.Readable|bridge.Writable, func(t *testing.T, w *bridge.Watcher, fd, peer int) {
		mustWrite(t, peer)
		mustChange(t, w, bridge.PeerClosed)
		wantQuiet(t, w)
		if err := unix.Shutdown(peer, unix.SHUT_RDWR); err != nil {
			t.Fatal(err)
		}
		mustChange(t, w, bridge.Writable|bridge.PeerClosed)
		mustChange(t, w, 0)
		wantEdge(t, w, bridge.HangUp)
	})
}

// HangUp and Failed stay in C's buffer even if the condition has ended.
func TestChangeLeavesWhatComesUnasked(t *testing.T) {
	for was, want := range map[bridge.Events]bridge.Events{
		bridge.Readable | bridge.HangUp:   bridge.HangUp,
		bridge.Failed:                     bridge.Failed,
		bridge.Readable | bridge.Writable: bridge.Writable,
		bridge.Readable:                   0,
	} {
		w := mustWatch(t, newTube(t).r, bridge.Readable)
		bridge.Edge(w, was)
		bridge.Changed(w, bridge.Writable)
		var got bridge.Events
		select {
		case got = <-w.C():
		default:
		}
		if got != want {
			t.Errorf("C holds %v of %v, want %v", got, was, want)
		}
	}
}

// The other Watchers that shared the registration keep their events.
func TestChangeLeavesOthersAlone(t *testing.T) {
	fd, peer := newSockets(t)
	other, w := mustWatch(t, fd, bridge.Readable), mustWatch(t, fd, bridge.Readable)
	mustChange(t, w, bridge.Writable)
	wantEdge(t, w, bridge.Writable)
	wantQuiet(t, other)
	mustWrite(t, peer)
	wantEdge(t, other, bridge.Readable)
	mustChange(t, w, bridge.Readable) // the registration is shared again
	wantEdge(t, w, bridge.Readable)
	wantQuiet(t, other)
	w.Close()
	mustWrite(t, peer)
	wantEdge(t, other, bridge.Readable)
}

// A goroutine that is already blocked in Wait wakes up for the new events and not for the
// old ones.
func TestChangeWakesWaiters(t *testing.T) {
	eachSharing(t, bridge.Readable, func(t *testing.T, w *bridge.Watcher, fd, peer int) {
		got := make(chan bridge.Events)
		go func() {
			events, err := w.Wait(background)
			if err != nil {
				t.Error(err)
			}
			got <- events
		}()
		untilAsleep(t, "bridge.(*Watcher).sleep")
		mustChange(t, w, bridge.PeerClosed)
		mustWrite(t, peer)
		wantQuiet(t, w)
		select {
		case events := <-got:
			t.Errorf("Wait = %v after a change to PeerClosed", events)
		default:
			mustChange(t, w, bridge.Writable)
			if events := <-got; events != bridge.Writable {
				t.Errorf("Wait = %v, want Writable", events)
			}
		}
	})
}

func TestChangeRefusesWhatIsWrong(t *testing.T) {
	eachSharing(t, bridge.Readable, func(t *testing.T, w *bridge.Watcher, fd, peer int) {
		wantIs(t, "Change to unknown bits", w.Change(1<<30), os.ErrInvalid)
		mustWrite(t, peer)
		wantEdge(t, w, bridge.Readable)
		w.Close()
		wantIs(t, "Change after Close", w.Change(bridge.Writable), os.ErrClosed)
	})
}

// If the number is another file's, Change fails and no event of that file is reported.
func TestChangeOfAReusedNumber(t *testing.T) {
	eachSharing(t, bridge.Readable, func(t *testing.T, w *bridge.Watcher, fd, peer int) {
		another, _ := newSockets(t)
		duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(duplicate)
		dupTo(t, another, fd)
		wantIs(t, "Change of a reused number", w.Change(bridge.Writable), unix.ENOENT)
		wantQuiet(t, w)
		dupTo(t, duplicate, fd)
		mustChange(t, w, bridge.Writable)
		wantEdge(t, w, bridge.Writable)
	})
}

// After concurrent Changes and events, each Watcher has an edge for the events that its
// last Change asked for.
func TestChangesWhileEventsArrive(t *testing.T) {
	for range 20 {
		fd, peer := newSockets(t)
		var watchers [4]*bridge.Watcher
		for i := range watchers {
			watchers[i] = mustWatch(t, fd, bridge.Readable)
		}
		var writers, changers sync.WaitGroup
		stop := make(chan struct{})
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					unix.Write(peer, []byte("x"))
					unix.Read(fd, make([]byte, 1<<10))
				}
			}
		})
		for i, w := range watchers[1:] {
			changers.Go(func() {
				for n := range 100 {
					if err := w.Change([]bridge.Events{bridge.Readable, bridge.Writable, 0}[(n+i)%3]); err != nil {
						t.Error(err)
					}
				}
				if err := w.Change(bridge.Writable); err != nil {
					t.Error(err)
				}
				wantEdge(t, w, bridge.Writable)
			})
		}
		changers.Wait()
		close(stop)
		writers.Wait()
		mustWrite(t, peer)
		for events := range watchers[0].C() {
			if events == bridge.Readable {
				break
			}
		}
	}
}

// If Close runs concurrently with Change, Wait and events, each call succeeds or returns an
// error matching os.ErrClosed, and the waiter returns.
func TestChangeWhileOthersClose(t *testing.T) {
	for range hammer.Rounds(300) {
		fd, peer := newBareSockets(t)
		shared, w := mustWatch(t, fd, 0), mustWatch(t, fd, 0)
		var calls sync.WaitGroup
		check := func(what string, err error) {
			if err != nil && !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s = %v", what, err)
			}
		}
		calls.Go(func() {
			var err error
			for n := 0; err == nil; n++ {
				err = w.Change([]bridge.Events{bridge.Readable, bridge.PeerClosed, 0}[n%3])
				runtime.Gosched() // otherwise, with one processor, each turn takes 10 ms
			}
			check("Change", err)
		})
		calls.Go(func() {
			var err error
			for err == nil {
				_, err = w.Wait(background)
				runtime.Gosched()
			}
			check("Wait", err)
		})
		mustWrite(t, peer)
		<-w.C() // a Change has found the event
		check("Close", w.Close())
		calls.Wait()
		check("Close", shared.Close())
		unix.Close(fd)
		unix.Close(peer)
	}
}

// newBareSockets is like newSockets, but the caller must close the sockets.
func newBareSockets(t testing.TB) (a, b int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return pair[0], pair[1]
}
