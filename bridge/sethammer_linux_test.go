package bridge_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// Each byte is read by a handler of the member that it was sent to, while members are added
// and removed, their numbers are reused, events arrive, and several goroutines wait.
func TestSetMembersComeAndGo(t *testing.T) {
	s := mustSet[*peer](t)
	const owners = 20
	rounds := hammer.Rounds(200)
	var read atomic.Int64
	var handling, owning sync.WaitGroup
	for range 3 {
		handling.Go(func() {
			dst := make([]bridge.Event[*peer], 3)
			for {
				n, err := s.Wait(t.Context(), dst)
				if err != nil {
					wantIs(t, "Wait", err, os.ErrClosed)
					return
				}
				handle(t, s, dst[:n], &read)
			}
		})
	}
	handling.Go(func() {
		dst := make([]bridge.Event[*peer], 3)
		for range s.C() {
			handle(t, s, dst[:s.Poll(dst)], &read)
		}
	})
	for range owners {
		owning.Go(func() {
			for range rounds {
				own(t, s)
			}
		})
	}
	owning.Wait()
	s.Close()
	handling.Wait()
	if got, want := read.Load(), int64(owners*rounds); got != want {
		t.Errorf("%d bytes were read, want %d", got, want)
	}
}

// A peer is a member that is sent one byte.
type peer struct {
	mu   sync.Mutex
	fd   int           // -1 once closed
	name byte          // the byte that is sent
	done chan struct{} // closed once the byte has been read
}

// own adds a member, sends it a byte before or after Add, and waits until the byte has been
// read. Either the handler removes the member, or own does before it closes the descriptor.
func own(t *testing.T, s *bridge.Set[*peer]) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer unix.Close(fds[1])
	p := &peer{fd: fds[0], name: byte(rand.IntN(256)), done: make(chan struct{})}
	send := func() { unix.Write(fds[1], []byte{p.name}) }
	add := func() {
		if err := s.Add(p.fd, bridge.Readable, p); err != nil {
			t.Error(err)
		}
	}
	if rand.IntN(2) == 0 {
		send()
		add()
	} else {
		add()
		send()
	}
	<-p.done
	if p.name%2 == 0 {
		if err := s.Remove(fds[0]); err != nil {
			t.Error(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	unix.Close(p.fd)
	p.fd = -1
}

// handle reads from the members of events. Several goroutines can get the same member, so
// the member might already be closed.
func handle(t *testing.T, s *bridge.Set[*peer], events []bridge.Event[*peer], read *atomic.Int64) {
	for _, ev := range events {
		p := ev.Key
		p.mu.Lock()
		if p.fd >= 0 {
			var buf [2]byte
			n, err := unix.Read(p.fd, buf[:])
			switch {
			case n == 1 && buf[0] == p.name:
				read.Add(1)
				if p.name%2 == 1 {
					if err := s.Remove(p.fd); err != nil {
						t.Error(err)
					}
				}
				close(p.done)
			case !errors.Is(err, unix.EAGAIN):
				t.Errorf("%d bytes %v, error %v, in a member that sends %d", n, buf, err, p.name)
			}
		}
		p.mu.Unlock()
	}
}

// If Close runs concurrently with other calls, each call succeeds or returns an error
// matching os.ErrClosed, and all waiters return.
func TestSetCloseAtAnyMoment(t *testing.T) {
	p := newTube(t)
	for range hammer.Rounds(300) {
		s := mustSet[int](t)
		var calls sync.WaitGroup
		check := func(what string, err error) {
			if err != nil && !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s = %v", what, err)
			}
		}
		calls.Go(func() {
			for err := error(nil); err == nil; {
				if err = s.Add(p.r, bridge.Readable, 1); err == nil {
					if err = s.Change(p.r, bridge.Writable); err == nil {
						err = s.Remove(p.r)
					}
				}
				check("Add, Change or Remove", err)
			}
		})
		for range 2 {
			calls.Go(func() {
				_, err := s.Wait(t.Context(), make([]bridge.Event[int], 1))
				check("Wait", err)
			})
		}
		calls.Go(func() {
			for range s.C() {
			}
		})
		hammer.Yield()
		check("Close", s.Close())
		calls.Wait()
	}
}
