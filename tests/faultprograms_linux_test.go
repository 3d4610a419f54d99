package tests

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/rawio"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

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
