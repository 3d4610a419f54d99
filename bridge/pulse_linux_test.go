package bridge_test

import (
	"context"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// A mountinfo is /proc/thread-self/mountinfo in a mount namespace of the test's own, where
// nothing else is mounted. Like the files in /proc/pressure, it reports each event to one
// poll only.
type mountinfo struct {
	fd     int
	pulses chan<- struct{} // each value makes the test mount something
	done   <-chan error
}

// openMountinfo opens the file with a plain system call, because Go's runtime would poll a
// file that os.Open returns.
func openMountinfo(t *testing.T) *mountinfo {
	t.Helper()
	fds, pulses, done := make(chan int), make(chan struct{}), make(chan error)
	dir := t.TempDir()
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		fd, err := unshareMounts()
		if err != nil {
			close(fds)
			done <- err
			return
		}
		fds <- fd
		for range pulses {
			done <- unix.Mount("tmpfs", dir, "tmpfs", 0, "") // the mount ends with the namespace
		}
		close(done)
	}()
	fd, ok := <-fds
	if !ok {
		t.Skipf("cannot create a mount namespace: %v", <-done)
	}
	t.Cleanup(func() { close(pulses); <-done; unix.Close(fd) })
	return &mountinfo{fd, pulses, done}
}

func unshareMounts() (fd int, err error) {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return -1, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return -1, err
	}
	return unix.Open("/proc/thread-self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

func (m *mountinfo) pulse(t *testing.T) {
	t.Helper()
	m.pulses <- struct{}{}
	if err := <-m.done; err != nil {
		t.Fatal(err)
	}
}

func wantPriority(t *testing.T, what string, got bridge.Events) {
	t.Helper()
	if got&bridge.Priority == 0 || got&bridge.Readable != 0 {
		t.Errorf("%s gave %v, want Priority", what, got)
	}
}

func mustWait(t *testing.T, w *bridge.Watcher) bridge.Events {
	t.Helper()
	events, err := w.Wait(background)
	if err != nil {
		t.Errorf("Wait = %v", err)
	}
	return events
}

func TestPriorityOfPulsingFiles(t *testing.T) {
	m := openMountinfo(t)
	w, other := mustWatch(t, m.fd, bridge.Priority), mustWatch(t, m.fd, bridge.Priority)
	wantQuiet(t, w) // the file is readable, but only Priority was asked for
	for range 10 {
		m.pulse(t)
		for _, w := range []*bridge.Watcher{w, other} {
			wantPriority(t, "C", <-w.C())
			wantPriority(t, "Wait", mustWait(t, w)) // one Wait sees it too, and the next does not
		}
	}
	if got, err := w.Wait(dead(t)); err == nil {
		t.Errorf("Wait = %v, want it to wait", got)
	}
	wantQuiet(t, w)
}

func TestPulseBeforeWatchIsSeen(t *testing.T) {
	m := openMountinfo(t)
	m.pulse(t)
	w := mustWatch(t, m.fd, bridge.Priority)
	wantPriority(t, "Wait", mustWait(t, w))
	wantPriority(t, "C", <-w.C())
}

func TestPulseWakesWaiter(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, bridge.Priority)
	got := make(chan bridge.Events)
	for range 1000 { // the pulse can come at any moment while Wait goes to sleep
		go func() { got <- mustWait(t, w) }()
		m.pulse(t)
		wantPriority(t, "Wait", <-got)
	}
}

func TestPulseBetweenLookingAndSleepingIsSeen(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, bridge.Priority)
	m.pulse(t)
	wantPriority(t, "C", <-w.C())
	got, err := bridge.Sleep(background, w)
	if err != nil {
		t.Error(err)
	}
	wantPriority(t, "Wait", got)
}

// A Wait whose ctx has ended takes no pulse along, neither one that comes later nor one that is there.
func TestCanceledWaitTakesNoPulse(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, bridge.Priority)
	ctx, cancel := context.WithCancel(background)
	cancel()
	for range 20 { // select picks one of two cases at random
		if got, err := bridge.Sleep(ctx, w); err != context.Canceled {
			t.Fatalf("Sleep without a pulse = %v, %v; want %v", got, err, context.Canceled)
		}
		m.pulse(t)
		wantPriority(t, "C", <-w.C())
		got, err := bridge.Sleep(ctx, w)
		if err == context.Canceled {
			got = mustWait(t, w)
		}
		wantPriority(t, "Wait", got)
	}
}

// A pulse that another Wait returns, or is woken for, is not missed by a Wait that has already looked
// and does not sleep yet. The Wait after that does not return it again.
func TestPulseOfAnotherWaitIsNotMissed(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, bridge.Priority)
	for what, other := range map[string]func() (seen func()){
		"is woken for": func() func() {
			done := bridge.Join(w)
			return func() { <-done }
		},
		"returns":     func() func() { return func() { wantPriority(t, "the other Wait", mustWait(t, w)) } },
		"is late for": func() func() { return func() {} },
	} {
		seen := other()
		sleep := bridge.Look(w)
		m.pulse(t)
		wantPriority(t, "C", <-w.C())
		seen()
		got, err := sleep(dead(t))
		if err != nil {
			t.Errorf("a pulse that the other Wait %s: Wait = %v", what, err)
			continue
		}
		wantPriority(t, "Wait", got)
		if got, err := w.Wait(dead(t)); err == nil {
			t.Errorf("a pulse that the other Wait %s is reported again: %v", what, got)
		}
	}
}

func TestReadablePulsingFileIsReadable(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, bridge.Readable|bridge.Priority)
	wantEdge(t, w, bridge.Readable)
	wantWait(t, w, bridge.Readable)
}

// A pulse is reported once Change has asked for Priority. A pulse that no Wait has seen is
// forgotten when Change asks for other events.
func TestChangeOfAPulsingFile(t *testing.T) {
	m := openMountinfo(t)
	w := mustWatch(t, m.fd, 0)
	mustChange(t, w, bridge.Priority)
	wantQuiet(t, w)
	m.pulse(t)
	wantPriority(t, "C", <-w.C())
	wantPriority(t, "Wait", mustWait(t, w))
	wantQuiet(t, w)
	m.pulse(t)
	wantPriority(t, "C", <-w.C())
	mustChange(t, w, 0)
	if got, err := w.Wait(dead(t)); err == nil {
		t.Errorf("Wait = %v after Change(0), want it to wait", got)
	}
	wantQuiet(t, w)
}
