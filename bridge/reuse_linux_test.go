package bridge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// dupTo makes number a descriptor of the file of fd, as can happen when a number is closed
// and reused.
func dupTo(t testing.TB, fd, number int) {
	t.Helper()
	if err := unix.Dup3(fd, number, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
}

// dead returns a context that ends after 50 ms, by when every event has arrived.
func dead(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestOwnerClosesFirst(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	p.close(&p.r)
	wantIs(t, "Wait after the descriptor was closed", func() error { _, err := w.Wait(background); return err }(), unix.EBADF)
	wantIs(t, "Rearm after the descriptor was closed", w.Rearm(), unix.EBADF)
	if err := w.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// A duplicate keeps the first file alive while its number becomes another file's, and then
// the first file's again. Each Watcher reports the events of its own file only, although
// the kernel keeps registrations that cannot be deleted by number.
func TestNumbersThatMeanOtherFiles(t *testing.T) {
	a, b := newTube(t), newTube(t)
	number := newTube(t).r
	dupTo(t, a.r, number)
	wa := mustWatch(t, number, bridge.Readable)
	dupTo(t, b.r, number)
	wb := mustWatch(t, number, bridge.Readable)
	a.write(t)
	wantQuiet(t, wb)
	b.write(t)
	wantEdge(t, wb, bridge.Readable)
	if events, err := wa.Wait(dead(t)); err == nil {
		t.Errorf("Wait on the first file's watcher = %v, want an error", events)
	}
	if err := wa.Close(); err != nil { // must not affect wb
		t.Error(err)
	}
	b.read(t)
	b.write(t)
	wantEdge(t, wb, bridge.Readable)

	dupTo(t, a.r, number) // the first file again
	wc := mustWatch(t, number, bridge.Readable)
	wantEdge(t, wc, bridge.Readable)
	b.read(t)
	b.write(t)
	wantQuiet(t, wc)
	a.read(t)
	a.write(t)
	wantEdge(t, wc, bridge.Readable)
	wb.Close()
	a.read(t)
	a.write(t)
	wantEdge(t, wc, bridge.Readable)
}

// The reader sees the end of the file as soon as the last write end is closed. A hidden
// duplicate would delay that.
func TestClosingTheLastWriteEndIsSeenImmediately(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.w, bridge.Writable)
	wantEdge(t, w, bridge.Writable)
	p.close(&p.w)
	var buf [1]byte
	if n, err := unix.Read(p.r, buf[:]); n != 0 || err != nil {
		t.Errorf("read = %d, %v; want the end of the file", n, err)
	}
	w.Close()
}

func TestWatchAgainAfterClose(t *testing.T) {
	p := newTube(t)
	for range 200 {
		w := mustWatch(t, p.r, bridge.Readable)
		p.write(t)
		wantEdge(t, w, bridge.Readable)
		w.Close()
		p.read(t)
	}
}

// Each goroutine watches pipes of its own and sees the events of those only, although all
// goroutines reuse the same numbers, descriptors are closed before or after their Watchers,
// and a duplicate sometimes keeps the file alive.
func TestReuseHammer(t *testing.T) {
	stop := hammer.ReuseNumbers(t)
	defer stop()
	keep := mustWatch(t, newTube(t).r, bridge.Readable) // so that the epoll instances are not closed
	hammer.For(2*time.Second, 4, func() {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Error(err)
			return
		}
		w, err := bridge.Watch(p[0], bridge.Readable)
		if err != nil {
			t.Error(err)
			return
		}
		select {
		case got := <-w.C():
			t.Errorf("a new pipe's Watcher got %v, want nothing", got)
		default:
		}
		unix.Write(p[1], []byte("x"))
		if got := <-w.C(); got != bridge.Readable {
			t.Errorf("C gave %v, want Readable", got)
		}
		if got, err := w.Wait(background); got != bridge.Readable || err != nil {
			t.Errorf("Wait = %v, %v; want Readable", got, err)
		}
		end := []func(){
			func() { unix.Close(p[0]) },
			func() { w.Close() },
		}
		if rand.IntN(2) == 0 {
			if d, err := unix.FcntlInt(uintptr(p[0]), unix.F_DUPFD_CLOEXEC, 0); err == nil {
				end = append(end, func() { unix.Close(d) })
			}
		}
		rand.Shuffle(len(end), func(i, j int) { end[i], end[j] = end[j], end[i] })
		for _, step := range end {
			step()
		}
		unix.Close(p[1])
	})
	keep.Close()
}

// No goroutine hangs and no event is reported after Close, whenever Close runs.
func TestCloseAgainstEverything(t *testing.T) {
	stop := hammer.ReuseNumbers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		r, w, err := os.Pipe()
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Close()
		defer w.Close()
		watcher, err := bridge.Watch(int(r.Fd()), bridge.Readable)
		if err != nil {
			t.Error(err)
			return
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					if _, err := watcher.Wait(background); err != nil {
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range watcher.C() {
			}
		})
		wg.Go(func() {
			for watcher.Rearm() == nil {
			}
		})
		wg.Go(func() {
			w.Write([]byte("x"))
			<-watcher.C()
			watcher.Close() // in the goroutine that handles the event
		})
		wg.Wait()
	})
}

// The numbers of closed descriptors are the next that Watch itself gets from the kernel. It watches none
// of its own descriptors in their place.
func TestWatchOfTheNextNumber(t *testing.T) {
	p, q := newTube(t), newTube(t)
	numbers := []int{p.r, p.w, q.r, q.w}
	for _, end := range []*int{&p.r, &p.w, &q.r, &q.w} {
		p.close(end)
	}
	for _, fd := range numbers {
		w, err := bridge.Watch(fd, bridge.Readable)
		if err == nil {
			w.Close()
		}
		wantIs(t, fmt.Sprintf("Watch(%d)", fd), err, unix.EBADF)
	}
}
