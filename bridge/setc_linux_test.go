package bridge_test

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

// C has a value when a member has become ready, and after each Poll that returned members.
// Each write makes exactly one event for C's goroutine, because it is asleep by the first.
func TestSetC(t *testing.T) {
	leaktest.Baseline() // waits until the goroutines of earlier Sets have ended
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	c := s.C()
	if s.C() != c {
		t.Error("C is another channel the second time")
	}
	untilAsleep(t, "(*members).serve")
	p.write(t)
	for range 100 {
		<-c // because a has become ready
		wantPoll(t, s, "ready", event{"a", bridge.Readable})
		p.read(t)
		wantPoll(t, s, "read")
		if len(c) > 0 {
			t.Error("C has a value after a Poll that returned nothing")
		}
		p.write(t)
		<-c // because a has become ready
		wantPoll(t, s, "ready", event{"a", bridge.Readable})
		<-c // because Poll has returned a
		if len(c) > 0 {
			t.Error("C has a second value, though Poll was not called")
		}
		// More data in a pipe that is already ready makes an event up to Linux 6.18, but not
		// in 7.3. So the pipe is emptied first.
		p.read(t)
		wantPoll(t, s, "read")
		p.write(t)
	}
	got := make(chan struct{})
	go func() { <-c; close(got) }()
	<-got
	s.Close()
	if _, ok := <-c; ok {
		t.Error("C has a value after Close, want it closed")
	}
}

// C holds a value at first if a member is ready.
func TestSetCOfAReadyMember(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	p.write(t)
	if len(s.C()) != 1 {
		t.Error("C is empty, though a member is ready")
	}
}

// After a Poll whose system call failed, C has a value again.
func TestSetCAfterAFailingPoll(t *testing.T) {
	s := mustSet[string](t)
	p := newTube(t)
	mustAddTo(t, s, p.r, bridge.Readable, "a")
	p.write(t)
	c := s.C()
	<-c
	restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "epoll_pwait" {
			return unix.EIO
		}
		return 0
	})
	got := poll(s, 1)
	_, err := s.Wait(background, make([]event, 1))
	restore()
	if len(got) > 0 {
		t.Errorf("Poll gave %v although its system call failed", got)
	}
	wantIs(t, "Wait", err, unix.EIO)
	<-c
	wantPoll(t, s, "afterwards", event{"a", bridge.Readable})
}

// C and a goroutine blocked in Wait both get an event, whichever of them is the leader.
func TestSetCBesideWait(t *testing.T) {
	for _, order := range []string{"Wait first", "C first"} {
		t.Run(order, func(t *testing.T) {
			s := mustSet[string](t)
			p := newTube(t)
			mustAddTo(t, s, p.r, bridge.Readable, "a")
			if order == "C first" {
				s.C()
				untilWaiting(t, s, 0)
			}
			waiting := waitFor(t, s, background)
			untilWaiting(t, s, map[string]int{"C first": 1}[order])
			c := s.C()
			p.write(t)
			<-c
			if got := <-waiting; got != "[{a Readable}] <nil>" {
				t.Errorf("Wait gave %s", got)
			}
		})
	}
}
