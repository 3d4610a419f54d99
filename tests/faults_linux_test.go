package tests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// In these tests, small programs run while one system call fails: each call of each name, with
// each errno, once and for a while. Nothing must be lost and nothing must hang. Each error
// must match the errno, and once the fault is over everything must work.

// faultLimit is how long a program waits for something that must happen.
const faultLimit = limit

// A fault is a system call that fails.
type fault struct {
	call  string
	at    int           // which of the calls of that name fails first; 1 is the first call
	errno syscall.Errno // 0 if there is no fault
	lasts time.Duration // 0 if only that call fails

	polled bool // preadv2 is refused all the time, so that reads are polled
}

func (f fault) String() string {
	s := fmt.Sprintf("%s no. %d: %v", f.call, f.at, f.errno)
	if f.lasts > 0 {
		s += fmt.Sprintf(" for %v", f.lasts)
	}
	if f.polled {
		s += ", polled"
	}
	return s
}

// A faulty is a program's view of the system with a fault.
type faulty struct {
	fault
	mu    sync.Mutex
	calls map[string]int
	since time.Time // of the first failure
	bad   []string
}

func (f *faulty) hook(c rawefd.Call) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[c.Name]++
	switch n := f.calls[c.Name]; {
	case f.polled && c.Name == "preadv2":
		return unix.ENOSYS
	case f.errno == 0 || c.Name != f.call:
		return 0
	case n == f.at:
		f.since = time.Now()
		return f.errno
	case n > f.at && f.lasts > 0 && time.Since(f.since) < f.lasts:
		return f.errno
	}
	return 0
}

func (f *faulty) errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bad = append(f.bad, fmt.Sprintf(format, args...))
}

// tolerated reports whether err is the error of the fault.
func (f *faulty) tolerated(err error) bool {
	if f.errno == unix.EAGAIN && errors.Is(err, notify.ErrOverflow) {
		return true // EAGAIN of a write means overflow
	}
	return f.errno != 0 && f.errno != unix.EINTR && errors.Is(err, f.errno) // EINTR is retried
}

// must calls op, and repeats it until it succeeds if it fails because of the fault.
func (f *faulty) must(what string, op func() error) {
	for deadline := time.Now().Add(faultLimit); ; {
		err := op()
		switch {
		case err == nil:
			return
		case !f.tolerated(err):
			f.errorf("%s = %v", what, err)
			return
		case time.Now().After(deadline):
			f.errorf("%s = %v, still after %v", what, err, faultLimit)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// pipe returns the two ends of a pipe. Its system calls do not fail on purpose.
func (f *faulty) pipe() (ends [2]int, closeEnds func()) {
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		f.errorf("pipe2 = %v", err)
		return [2]int{-1, -1}, func() {}
	}
	return ends, func() { unix.Close(ends[0]); unix.Close(ends[1]) }
}

// count repeats Count until it succeeds, or fails because the system does not show the count.
func (f *faulty) count(n *notify.Notifier) {
	f.must("Count", func() error {
		_, err := n.Count()
		if errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		return err
	})
}

// handle repeats Handle, which cannot return an error, until it does not return nil.
func (f *faulty) handle(handle func() unsafe.Pointer) (h unsafe.Pointer) {
	f.must("Handle", func() error {
		if h = handle(); h == nil {
			return f.errno
		}
		return nil
	})
	return h
}

// export exports an object, by calling File.
func (f *faulty) export(file func() (*os.File, error)) {
	f.must("File", func() error {
		file, err := file()
		if err == nil {
			file.Close()
		}
		return err
	})
}

// add adds deltas and returns their sum.
func (f *faulty) add(n *notify.Notifier, deltas ...uint64) (sum uint64) {
	for _, delta := range deltas {
		f.must("Add", func() error { return n.Add(delta) })
		sum += delta
	}
	return sum
}

// waited receives counts by Wait until there are as many as want.
func (f *faulty) waited(n *notify.Notifier, want uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
	defer cancel()
	var sum uint64
	for sum < want && ctx.Err() == nil {
		f.must("Wait", func() error {
			count, err := n.Wait(ctx)
			sum += count
			return err
		})
	}
	if sum != want {
		f.errorf("Wait received %d of %d", sum, want)
	}
}

// received receives counts from C until there are as many as want.
func (f *faulty) received(n *notify.Notifier, want uint64) {
	var sum uint64
	timeout := time.NewTimer(faultLimit)
	defer timeout.Stop()
	for c := n.C(); sum < want; {
		select {
		case count := <-c:
			sum += count
		case <-timeout.C:
			f.errorf("C gave %d of %d", sum, want)
			return
		}
	}
	if sum != want {
		f.errorf("C gave %d of %d", sum, want)
	}
}

func (f *faulty) close(what string, close func() error) {
	if err := close(); err != nil {
		f.errorf("Close of %s = %v", what, err)
	}
}

func (f *faulty) notifier() *notify.Notifier {
	n, err := notify.New()
	if err != nil {
		f.errorf("New = %v", err)
	}
	return n
}

func write(fd int, delta uint64) {
	unix.Write(fd, binary.NativeEndian.AppendUint64(nil, delta))
}

// background runs fn in a goroutine, gives it time to begin waiting, and returns a function that
// waits for its end.
func background(fn func()) (join func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	for range 10 {
		runtime.Gosched()
	}
	return func() { <-done }
}

var programs = map[string]func(*faulty){
	"Wait": func(f *faulty) {
		n := f.notifier()
		f.export(n.File)
		sum := f.add(n, 1, 2)
		f.waited(n, sum)
		join := background(func() { f.waited(n, 60) })
		f.add(n, 10)
		write(n.FD(), 20)
		f.add(n, 30)
		join()
		f.close("Notifier", n.Close)
	},
	"TryWait": func(f *faulty) {
		n := f.notifier()
		f.export(n.File)
		sum := f.add(n, 5, 6)
		for deadline := time.Now().Add(faultLimit); sum > 0 && time.Now().Before(deadline); {
			if got, ok := n.TryWait(); ok { // cannot return an error
				sum -= got
			}
		}
		if sum != 0 {
			f.errorf("TryWait left %d", sum)
		}
		f.count(n)
		f.close("Notifier", n.Close)
	},
	"C": func(f *faulty) {
		n := f.notifier()
		f.export(n.File)
		n.C()
		sum := f.add(n, 1)
		write(n.FD(), 4)
		f.received(n, sum+4)
		write(n.FD(), 8)
		f.received(n, f.add(n, 16)+8)
		f.close("Notifier", n.Close)
	},
	"export": func(f *faulty) { // while a goroutine is waiting, and with a count
		n, m := f.notifier(), f.notifier()
		join := background(func() { f.waited(n, 3) })
		f.export(n.File)
		write(n.FD(), 3)
		join()
		sum := f.add(m, 7)
		f.export(m.File)
		f.waited(m, sum)
		f.close("Notifier", n.Close)
		f.close("Notifier", m.Close)
	},
	"handle": func(f *faulty) {
		n := f.notifier()
		h := f.handle(n.Handle)
		join := background(func() { f.waited(n, 6) })
		handletest.Signal(h, 6)
		join()
		f.export(n.File)
		join = background(func() { f.waited(n, 20) })
		handletest.Signal(h, 5)
		handletest.Signal(h, 7)
		write(n.FD(), 8)
		join()
		handletest.Signal(h, 9)
		f.waited(n, 9)
		f.close("Notifier", n.Close)
	},
	"closing": func(f *faulty) { // what is pending at Close is received after it
		n := f.notifier()
		f.export(n.File)
		f.waited(n, f.add(n, 1))
		want := f.add(n, 2, 3)
		f.close("Notifier", n.Close)
		if got, ok := n.TryWait(); got != want || !ok {
			f.errorf("TryWait after Close = %d, %v; want %d", got, ok, want)
		}
	},
	"adopted": func(f *faulty) {
		for _, flags := range []int{0, unix.EFD_NONBLOCK} {
			fd, err := unix.Eventfd(3, flags|unix.EFD_CLOEXEC)
			if err != nil {
				f.errorf("eventfd2 = %v", err)
				return
			}
			var n, m *notify.Notifier
			f.must("FromFD", func() (err error) { n, err = notify.FromFD(fd); return err })
			if n == nil {
				return
			}
			sum := 3 + f.add(n, 4, 1<<40)
			f.count(n)
			f.waited(n, sum)
			if !duplicatesOwn() {
				f.close("Notifier", n.Close)
				continue
			}
			f.must("FromProcess", func() (err error) {
				m, err = notify.FromProcess(os.Getpid(), n.FD())
				return err
			})
			if m == nil {
				return
			}
			sum = f.add(m, 9)
			f.waited(n, sum)
			f.close("Notifier", n.Close)
			f.close("Notifier", m.Close)
		}
	},
	"Semaphore": func(f *faulty) {
		s, err := semaphore.New(2)
		if err != nil {
			f.errorf("New = %v", err)
			return
		}
		f.export(s.File)
		ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
		defer cancel()
		acquire := func(n int64) { f.must("Acquire", func() error { return s.Acquire(ctx, n) }) }
		release := func(n int64) {
			defer func() {
				if p := recover(); p != nil {
					f.errorf("Release panics: %v", p)
				}
			}()
			s.Release(n)
		}
		acquire(1)
		acquire(1)
		join := background(func() { acquire(1) })
		release(1)
		join()
		join = background(func() { acquire(2) })
		release(1)
		write(s.FD(), 1)
		join()
		release(2)
		f.permits(s, 2)
		f.close("Semaphore", s.Close)
	},
	"Semaphore C": func(f *faulty) {
		s, err := semaphore.New(0)
		if err != nil {
			f.errorf("New = %v", err)
			return
		}
		f.export(s.File)
		c := s.C()
		for range 3 {
			write(s.FD(), 1)
			select {
			case <-c:
			case <-time.After(faultLimit):
				f.errorf("nothing from C")
				return
			}
		}
		f.close("Semaphore", s.Close)
	},
	"Semaphore handle": func(f *faulty) {
		s, err := semaphore.New(0)
		if err != nil {
			f.errorf("New = %v", err)
			return
		}
		h := f.handle(s.Handle)
		ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
		defer cancel()
		acquire := func(n int64) { f.must("Acquire", func() error { return s.Acquire(ctx, n) }) }
		join := background(func() { acquire(1) })
		handletest.Signal(h, 1)
		join()
		f.export(s.File)
		join = background(func() { acquire(1) })
		handletest.Signal(h, 2)
		join()
		f.permits(s, 1)
		f.close("Semaphore", s.Close)
	},
	"Watch": func(f *faulty) {
		ends, closeEnds := f.pipe()
		defer closeEnds()
		var r, again, w *bridge.Watcher
		f.must("Watch", func() (err error) { r, err = bridge.Watch(ends[0], bridge.Readable); return err })
		f.must("Watch", func() (err error) { again, err = bridge.Watch(ends[0], bridge.Readable); return err })
		f.must("Watch", func() (err error) { w, err = bridge.Watch(ends[1], bridge.Writable); return err })
		ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
		defer cancel()
		wait := func(w *bridge.Watcher) {
			f.must("Watcher.Wait", func() error { _, err := w.Wait(ctx); return err })
		}
		event(f, w.C())
		wait(w)
		join := background(func() { wait(r) })
		unix.Write(ends[1], []byte("x"))
		join()
		wait(again)
		event(f, r.C())
		event(f, again.C())
		f.must("Rearm", r.Rearm)
		event(f, r.C())
		f.close("Watcher", r.Close)
		f.close("Watcher", w.Close)
		f.must("Rearm", again.Rearm)
		event(f, again.C())
		f.close("Watcher", again.Close)
	},
	"Set": func(f *faulty) {
		ends, closeEnds := f.pipe()
		defer closeEnds()
		var s *bridge.Set[string]
		f.must("NewSet", func() (err error) { s, err = bridge.NewSet[string](); return err })
		f.must("Set.Add", func() error { return s.Add(ends[0], bridge.Readable, "r") })
		f.must("Set.Add", func() error { return s.Add(ends[1], 0, "w") })
		ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
		defer cancel()
		wait := func(want string) {
			dst := make([]bridge.Event[string], 2)
			var n int
			f.must("Set.Wait", func() (err error) { n, err = s.Wait(ctx, dst); return err })
			if n != 1 || dst[0].Key != want {
				f.errorf("Set.Wait gave %v, want %s", dst[:n], want)
			}
		}
		join := background(func() { wait("w") })
		f.must("Set.Change", func() error { return s.Change(ends[1], bridge.Writable) })
		join()
		f.must("Set.Remove", func() error { return s.Remove(ends[1]) })
		join = background(func() { wait("r") })
		unix.Write(ends[1], []byte("x"))
		join()
		event(f, s.C())
		f.close("Set", s.Close)
	},
	"Watch of a file of proc": func(f *faulty) { // reports an event to only one poll; see poller/pulse.go
		file, err := os.Open("/proc/self/mountinfo")
		if err != nil {
			f.errorf("%v", err)
			return
		}
		defer file.Close()
		var w *bridge.Watcher
		conn, _ := file.SyscallConn()
		conn.Control(func(fd uintptr) {
			f.must("Watch", func() (err error) {
				w, err = bridge.Watch(int(fd), bridge.Readable|bridge.Priority)
				return err
			})
		})
		if w == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
		defer cancel()
		f.must("Watcher.Wait", func() error { _, err := w.Wait(ctx); return err })
		f.close("Watcher", w.Close)
	},
	"doorbell": func(f *faulty) {
		var d *rawefd.Doorbell
		f.must("NewDoorbell", func() (err error) { d, err = rawefd.NewDoorbell(); return err })
		if d == nil {
			return
		}
		var ended atomic.Bool
		looked := make(chan struct{}, 10)
		join := background(func() {
			for !d.Read(func(uintptr) bool { d.Empty(); looked <- struct{}{}; return ended.Load() }) {
				d.Resume()
			}
		})
		<-looked
		f.must("a ring", func() error { return rawio.Add(d.Number(), 1) })
		event(f, looked)
		ended.Store(true)
		d.InterruptLater(0)
		join()
		d.Close()
		f.must("NewPage", func() error { _, err := rawefd.NewPage(); return err })
	},
}

// event receives an event that must come.
func event[T any](f *faulty, c <-chan T) {
	select {
	case <-c:
	case <-time.After(faultLimit):
		f.errorf("an event is lost")
	}
}

// permits checks how many permits are free, and takes them.
func (f *faulty) permits(s *semaphore.Semaphore, want int) {
	for deadline := time.Now().Add(faultLimit); want > 0 && time.Now().Before(deadline); {
		if s.TryAcquire(1) { // cannot return an error
			want--
		}
	}
	if want > 0 {
		f.errorf("%d permits are lost", want)
	} else if s.TryAcquire(1) {
		left, err := s.Count()
		f.mu.Lock()
		calls := maps.Clone(f.calls)
		f.mu.Unlock()
		f.errorf("there is a permit too many, and %d more (%v); %v; calls: %v", left, err, s, calls)
	}
}

// errnos has the errors with which a system call can fail, here or in a sandbox.
var errnos = []syscall.Errno{
	unix.EINTR, unix.EAGAIN, unix.EPERM, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ENOSPC, unix.EIO, unix.EINVAL,
}

// leftOut returns the reason why a program is not run with a fault, or "".
func leftOut(program string, f fault) string {
	if f.errno == unix.EINTR || f.errno == unix.EPERM && f.call == "preadv2" {
		return "" // EINTR is retried, and without preadv2 reads are polled
	}
	takes := f.call == "preadv2" || f.call == "read" || f.call == "poll"
	switch {
	case f.errno == unix.EAGAIN && takes && f.call != "poll":
		return "EAGAIN says that the count is 0, and the kernel does not lie"
	case f.errno == unix.EAGAIN && f.call == "write" && strings.HasPrefix(program, "Semaphore"):
		return "EAGAIN says that the counter is full, and then Release panics, as its comment says"
	case program == "closing" && takes:
		return "Notifier.last drops the error of TakeAll, and the count with it"
	}
	return ""
}

// Each system call of each program fails once, and for a while.
func TestEachSystemCallFails(t *testing.T) {
	if !mode.Is(mode.All[0]) {
		return // the programs are the same in each mode
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		t.Run(name, func(t *testing.T) {
			for _, polled := range []bool{false, true} {
				if polled && !hammer.InCI() {
					continue // only CI has time for this half
				}
				calls := runWith(t, name, fault{polled: polled})
				for _, call := range slices.Sorted(maps.Keys(calls)) {
					for at := 1; at <= calls[call]; at++ {
						eachFault(t, name, fault{call: call, at: at, polled: polled})
					}
				}
			}
		})
	}
}

// eachFault runs a program with each errno. Outside CI, it uses only one errno, a different one
// for each position.
func eachFault(t *testing.T, name string, f fault) {
	for i, errno := range errnos {
		if !hammer.InCI() && i != f.at%len(errnos) {
			continue
		}
		for _, lasts := range []time.Duration{0, 20 * time.Millisecond} {
			f.errno, f.lasts = errno, lasts
			if leftOut(name, f) == "" {
				runWith(t, name, f)
			}
		}
	}
}

// duplicatesOwn reports whether this process can duplicate its own descriptors with
// pidfd_getfd(2), which Docker's seccomp profile refuses and Linux before 5.6 lacks.
var duplicatesOwn = sync.OnceValue(func() bool {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	own, err := unix.PidfdGetfd(pidfd, pidfd, 0)
	if err != nil {
		return false
	}
	unix.Close(own)
	return true
})

// runWith runs a program with a fault and returns how many calls there were.
func runWith(t *testing.T, name string, what fault) map[string]int {
	f := &faulty{fault: what, calls: make(map[string]int)}
	defer rawefd.SetHook(f.hook)()
	done := make(chan struct{})
	go func() {
		defer close(done)
		programs[name](f)
	}()
	select {
	case <-done:
	case <-time.After(4 * faultLimit):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%v: the program hangs\n%s", f.fault, stacks[:runtime.Stack(stacks, true)])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, bad := range f.bad {
		t.Errorf("%v: %s", f.fault, bad)
	}
	return f.calls
}
