package bridge_test

import (
	"context"
	"errors"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// at calls do, once, before system call number n of a name and an argument about descriptor num.
// It returns a function that reports whether that call was made, after removing the Hook.
func at(n int, name string, num int, arg uintptr, do func()) (came func() bool) {
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == name && c.Num == num && c.Arg == arg {
			if n--; n == 0 {
				do()
			}
		}
		return 0
	})
	return func() bool { restore(); return n <= 0 }
}

// If the number comes to refer to another file during a Change, C receives no event of that file.
func TestChangeWhileTheNumberIsReopened(t *testing.T) {
	for name, moment := range map[string]struct {
		n   int
		arg uintptr
	}{
		"before the check": {1, unix.EPOLL_CTL_MOD},
		"after the check":  {1, unix.EPOLL_CTL_ADD},
	} {
		t.Run(name, func(t *testing.T) {
			p, ready := newTube(t), newTube(t)
			ready.write(t)
			num := newTube(t).r
			dupTo(t, p.r, num) // p.r keeps the file open
			w, other := mustWatch(t, num, bridge.Readable), mustWatch(t, num, bridge.Readable)
			came := at(moment.n, "epoll_ctl", num, moment.arg, func() { dupTo(t, ready.r, num) })
			err := w.Change(bridge.Readable | bridge.PeerClosed)
			if !came() {
				t.Fatal("Change has not made the call")
			}
			if err == nil {
				t.Error("Change = nil, want an error, because the number refers to another file")
			}
			wantQuiet(t, w)
			wantQuiet(t, other)
			p.write(t)
			wantEdge(t, w, bridge.Readable)
			wantEdge(t, other, bridge.Readable)
		})
	}
}

// A Change to Priority takes no pulse of a file that has got the number before.
func TestChangeLeavesThePulseOfAnotherFile(t *testing.T) {
	m, other := openMountinfo(t), openMountinfo(t)
	num, err := unix.FcntlInt(uintptr(m.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(num)
	s := mustSet[string](t)
	mustAddTo(t, s, num, bridge.PeerClosed, "m")
	w := mustWatch(t, num, bridge.PeerClosed)
	dupTo(t, other.fd, num)
	for what, change := range map[string]func() error{
		"Set.Change":     func() error { return s.Change(num, bridge.Priority) },
		"Watcher.Change": func() error { return w.Change(bridge.Priority) },
	} {
		other.pulse(t)
		wantIs(t, what, change(), unix.ENOENT)
		if got, err := rawefd.Poll(other.fd, unix.POLLPRI); got&unix.POLLPRI == 0 || err != nil {
			t.Errorf("after %s, poll(2) of the other file = %#x, %v; want POLLPRI", what, got, err)
		}
	}
}

// If the descriptor is closed during a Change to Priority, no pulse is reported that may have been
// another file's.
func TestChangeWhileTheNumberIsClosed(t *testing.T) {
	m, other := openMountinfo(t), openMountinfo(t)
	num, err := unix.FcntlInt(uintptr(m.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := mustSet[string](t)
	mustAddTo(t, s, num, bridge.Priority, "m")
	w := mustWatch(t, num, bridge.Priority)
	for what, change := range map[string]func() error{
		"Set.Change":     func() error { return s.Change(num, bridge.Priority|bridge.PeerClosed) },
		"Watcher.Change": func() error { return w.Change(bridge.Priority | bridge.PeerClosed) },
	} {
		dupTo(t, m.fd, num)
		other.pulse(t)
		reopened := false
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			switch {
			case c.Num != num:
			case c.Name == "poll":
				dupTo(t, other.fd, num)
				reopened = true
			case c.Name == "epoll_ctl" && reopened:
				unix.Close(num)
			}
			return 0
		})
		err := change()
		restore()
		wantIs(t, what, err, unix.EBADF)
	}
	wantQuiet(t, w)
	if bridge.Pulsed(s) != 0 {
		t.Error("the Set has kept a pulse of the other file")
	}
}

// If the number comes to refer to another file between the two registrations of a Change, Change fails. A
// Wait then returns no event that only Change has asked for.
func TestChangeThatIsHalfDone(t *testing.T) {
	num, _ := newSockets(t)
	fd := newTube(t).r
	dupTo(t, num, fd) // num keeps the file open
	w := mustWatch(t, fd, bridge.Readable)
	ended := make(chan error)
	ctx, cancel := context.WithCancel(background)
	go func() { _, err := w.Wait(ctx); ended <- err }()
	for bridge.Waiters(w) == 0 {
		runtime.Gosched()
	}
	untilAsleep(t, "Watcher).sleep")
	came := at(2, "epoll_ctl", fd, unix.EPOLL_CTL_MOD, func() { dupTo(t, newTube(t).r, fd) })
	if err := w.Change(bridge.Writable); err == nil {
		t.Error("Change = nil, want an error, because the number refers to another file")
	}
	if !came() {
		t.Fatal("Change has not made the call")
	}
	p := newTube(t)
	p.write(t)
	wantWait(t, mustWatch(t, p.r, bridge.Readable), bridge.Readable) // hands out what other Watchers have, too
	cancel()
	wantIs(t, "Wait", <-ended, context.Canceled)
}

// If the number refers to another file only while a Change registers it, Change fails, and C receives no
// event of that file.
func TestChangeWhileTheNumberIsReopenedTwice(t *testing.T) {
	p, other := newTube(t), newTube(t)
	num := newTube(t).r
	dupTo(t, p.r, num)
	w := mustWatch(t, num, bridge.Readable)
	mustWatch(t, num, bridge.Readable) // so that the first one has to move
	swaps := 0
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name != "epoll_ctl" || c.Num != num:
		case swaps == 0 && c.Arg == unix.EPOLL_CTL_ADD:
			dupTo(t, other.r, num)
			swaps++
		case swaps == 1 && c.Arg == unix.EPOLL_CTL_MOD:
			dupTo(t, p.r, num)
			swaps++
		}
		return 0
	})
	err := w.Change(bridge.Readable | bridge.PeerClosed)
	restore()
	if err == nil || swaps != 2 {
		t.Errorf("Change = %v after %d changes of the number, want an error after 2", err, swaps)
	}
	other.write(t)
	wantQuiet(t, w)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
}

// If the number refers to another open file by now, calls fail with ENOENT. Of a file that cannot be watched
// Linux says that first, and gVisor does not.
func TestNumberIsReopened(t *testing.T) {
	regular, err := unix.Open(t.TempDir()+"/file", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(regular)
	for name, file := range map[string]int{"a pipe": newTube(t).r, "a regular file": regular} {
		t.Run(name, func(t *testing.T) {
			p := newTube(t)
			fd := newTube(t).r
			dupTo(t, p.r, fd) // p.r keeps the file open
			w, s := mustWatch(t, fd, bridge.Readable), mustSet[string](t)
			mustAddTo(t, s, fd, bridge.Readable, "p")
			dupTo(t, file, fd)
			_, err := w.Wait(background)
			for what, err := range map[string]error{
				"Wait": err, "Rearm": w.Rearm(), "Change": w.Change(bridge.Writable), "Change to Priority": w.Change(bridge.Priority),
				"Set.Change": s.Change(fd, bridge.Writable),
			} {
				if file != regular || !errors.Is(err, bridge.ErrNotPollable) {
					wantIs(t, what, err, unix.ENOENT)
				}
			}
			if err := s.Remove(fd); err != nil {
				t.Errorf("Remove = %v", err)
			}
		})
	}
}
