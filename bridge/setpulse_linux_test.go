package bridge_test

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// If a file has a pulse already, adding it wakes a goroutine that is blocked in Wait.
func TestSetAddOfAPulseWakes(t *testing.T) {
	for _, waiters := range []int{1, 2} {
		m := openMountinfo(t)
		s := mustSet[string](t)
		first, second := waitFor(t, s, background), (<-chan string)(nil)
		if waiters > 1 {
			second = waitFor(t, s, background)
		}
		untilWaiting(t, s, waiters-1)
		m.pulse(t)
		mustAddTo(t, s, m.fd, bridge.Priority, "m")
		for range waiters {
			select { // either goroutine can get the pulse
			case <-first:
			case <-second:
			}
			m.pulse(t)
		}
	}
}

// Add takes the pulse of the file and the edge that registering makes, so Go's poller finds
// nothing ready. A goroutine that is asleep in Wait wakes up for the pulse all the same.
//
// The test needs Go's poller to be idle between two system calls of Add. With one
// processor, a thread of the runtime polls only while it has nothing else to do. A timer
// makes that thread return and run this test, which does not block until Add has returned.
func TestSetAddOfAPulseWakesThoughThePollerSleeps(t *testing.T) {
	m := openMountinfo(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 10 {
		s := mustSet[string](t)
		got := waitFor(t, s, background)
		untilWaiting(t, s, 0)
		m.pulse(t)
		<-time.After(time.Millisecond)
		mustAddTo(t, s, m.fd, bridge.Priority, "m")
		select {
		case got := <-got:
			if want := "[{m Priority}] <nil>"; got != want {
				t.Errorf("Wait = %s, want %s", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("Wait still sleeps after 30 s, though Add has found a pulse")
		}
		s.Close() // otherwise it takes the next pulse
	}
}

// A pulse that no Poll has returned is forgotten when Change asks for other events.
func TestSetChangeForgetsAPulse(t *testing.T) {
	m := openMountinfo(t)
	s := mustSet[string](t)
	m.pulse(t)
	mustAddTo(t, s, m.fd, bridge.Priority, "m")
	if err := s.Change(m.fd, 0); err != nil {
		t.Fatal(err)
	}
	wantPoll(t, s, "after Change(0)")
}

// If a number has been reused, a pulse of its new file is not reported for the old file.
func TestChangeOfAReusedNumberTakesNoPulse(t *testing.T) {
	m, other := openMountinfo(t), openMountinfo(t)
	num, err := unix.FcntlInt(uintptr(m.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(num)
	s := mustSet[string](t)
	mustAddTo(t, s, num, bridge.Priority, "m")
	w := mustWatch(t, num, bridge.Priority)
	if err := unix.Dup3(other.fd, num, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	other.pulse(t)
	wantIs(t, "Set.Change", s.Change(num, bridge.Priority|bridge.PeerClosed), unix.ENOENT)
	wantPoll(t, s, "after Change of a reused number")
	other.pulse(t)
	wantIs(t, "Watcher.Change", w.Change(bridge.Priority|bridge.PeerClosed), unix.ENOENT)
	wantQuiet(t, w)
}

// A call that fails because the kernel has no room for a registration has not taken the
// pulse: the next one reports it.
func TestAddWithoutRoomTakesNoPulse(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOSPC, unix.ENOMEM} {
		m, other := openMountinfo(t), openMountinfo(t)
		s := mustSet[string](t)
		m.pulse(t)
		other.pulse(t)
		restore := rawefd.SetHook(func(c rawefd.Call) unix.Errno {
			if c.Name == "epoll_ctl" && c.Arg == unix.EPOLL_CTL_ADD {
				return errno
			}
			return 0
		})
		addErr := s.Add(m.fd, bridge.Priority, "m")
		_, watchErr := bridge.Watch(other.fd, bridge.Priority)
		restore()
		wantIs(t, "Add", addErr, errno)
		wantIs(t, "Watch", watchErr, errno)
		mustAddTo(t, s, m.fd, bridge.Priority, "m")
		wantPoll(t, s, "the second Add", event{"m", bridge.Priority})
		select {
		case got := <-mustWatch(t, other.fd, bridge.Priority).C():
			wantPriority(t, "the second Watch", got)
		default:
			t.Error("C is empty after the second Watch, want Priority")
		}
	}
}

// Once the member has gone, nor is there a value in C for a pulse that was kept for it.
func TestSetCForgetsAPulse(t *testing.T) {
	m := openMountinfo(t)
	for what, forget := range map[string]func(s *bridge.Set[string]) error{
		"Remove": func(s *bridge.Set[string]) error { return s.Remove(m.fd) },
		"Change": func(s *bridge.Set[string]) error { return s.Change(m.fd, 0) },
	} {
		s := mustSet[string](t)
		m.pulse(t)
		mustAddTo(t, s, m.fd, bridge.Priority, "m")
		if err := forget(s); err != nil {
			t.Fatal(err)
		}
		if len(s.C()) > 0 {
			t.Errorf("C has a value after %s, but Poll has nothing to return", what)
		}
		s.Close() // otherwise it takes the next pulse
	}
}

// A pulsing file that is added, changed and removed while nothing polls does not make the list of
// kept pulses grow.
func TestSetKeepsOnePulsePerSlot(t *testing.T) {
	m := openMountinfo(t)
	s := mustSet[string](t)
	for range 10 {
		m.pulse(t)
		mustAddTo(t, s, m.fd, bridge.Priority, "m")
		for _, events := range []bridge.Events{0, bridge.Priority} {
			m.pulse(t)
			if err := s.Change(m.fd, events); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Remove(m.fd); err != nil {
			t.Fatal(err)
		}
	}
	if got := bridge.Pulsed(s); got != 1 {
		t.Errorf("the list has %d slots, want 1", got)
	}
	m.pulse(t)
	mustAddTo(t, s, m.fd, bridge.Priority, "n")
	wantPoll(t, s, "after all that", event{"n", bridge.Priority})
	wantPoll(t, s, "once more")
}

// If the system call of a Wait fails, Wait still returns the pulses that were kept. It returns
// them without the error, because they are not reported again.
func TestSetWaitReturnsAPulseOrAnError(t *testing.T) {
	m := openMountinfo(t)
	s := mustSet[string](t)
	m.pulse(t)
	mustAddTo(t, s, m.fd, bridge.Priority, "m") // keeps the pulse
	restore := rawefd.SetHook(func(c rawefd.Call) unix.Errno {
		if c.Name == "epoll_pwait" {
			return unix.EIO
		}
		return 0
	})
	dst := make([]event, 2)
	n, err := s.Wait(background, dst)
	_, second := s.Wait(background, dst[1:])
	restore()
	if n != 1 || dst[0].Key != "m" || err != nil {
		t.Errorf("Wait = %d, %v, with %v; want 1 member and no error", n, err, dst[:n])
	}
	wantIs(t, "the second Wait", second, unix.EIO)
}
