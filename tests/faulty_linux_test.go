package tests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

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
