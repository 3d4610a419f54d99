package bridge_test

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

var background = context.Background()

func mustWatch(t testing.TB, fd int, events bridge.Events) *bridge.Watcher {
	t.Helper()
	w, err := bridge.Watch(fd, events)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// A tube is a pipe of bare descriptor numbers, which are -1 once closed.
type tube struct{ r, w int }

func newTube(t testing.TB) *tube {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	pipe := &tube{p[0], p[1]}
	t.Cleanup(func() { pipe.close(&pipe.r); pipe.close(&pipe.w) })
	return pipe
}

// close closes one end, only once, because its number might be another file's after that.
func (p *tube) close(end *int) {
	if *end >= 0 {
		unix.Close(*end)
		*end = -1
	}
}

func (p *tube) write(t testing.TB) {
	t.Helper()
	if _, err := unix.Write(p.w, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func (p *tube) read(t testing.TB) {
	t.Helper()
	var buf [64]byte
	if _, err := unix.Read(p.r, buf[:]); err != nil {
		t.Fatal(err)
	}
}

func wantEdge(t *testing.T, w *bridge.Watcher, want bridge.Events) {
	t.Helper()
	if got, ok := <-w.C(); got != want || !ok {
		t.Errorf("C gave %v, %v; want %v", got, ok, want)
	}
}

// eachInstance returns one Watcher of p for each epoll instance that delivers edges. A
// number that is watched for two sets of events needs two. Each delivers events in order.
func eachInstance(t testing.TB, p *tube) []*bridge.Watcher {
	return []*bridge.Watcher{mustWatch(t, p.r, bridge.Readable), mustWatch(t, p.r, bridge.Readable|bridge.PeerClosed)}
}

// wantQuiet fails unless C is empty. No edge can be on its way, because a later edge of
// another descriptor has arrived in each instance.
func wantQuiet(t *testing.T, w *bridge.Watcher) {
	t.Helper()
	later := newTube(t)
	watchers := eachInstance(t, later)
	for range 3 {
		later.write(t)
		for _, l := range watchers {
			wantEdge(t, l, bridge.Readable)
		}
	}
	for _, l := range watchers {
		l.Close()
	}
	select {
	case got, ok := <-w.C():
		t.Errorf("C gave %v, %v; want nothing", got, ok)
	default:
	}
}

func wantWait(t *testing.T, w *bridge.Watcher, want bridge.Events) {
	t.Helper()
	if got, err := w.Wait(background); got != want || err != nil {
		t.Errorf("Wait = %v, %v; want %v", got, err, want)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that matches %q", what, err, want)
	}
}

func TestEventsAreThoseOfEpoll(t *testing.T) {
	for events, want := range map[bridge.Events]uint32{
		bridge.Readable:   unix.EPOLLIN,
		bridge.Priority:   unix.EPOLLPRI,
		bridge.Writable:   unix.EPOLLOUT,
		bridge.Failed:     unix.EPOLLERR,
		bridge.HangUp:     unix.EPOLLHUP,
		bridge.PeerClosed: unix.EPOLLRDHUP,
	} {
		if uint32(events) != want {
			t.Errorf("%v = %#x, want %#x as in epoll(7)", events, uint32(events), want)
		}
	}
}

func TestEdgesAndLevels(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	wantQuiet(t, w)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
	wantQuiet(t, w)
	wantWait(t, w, bridge.Readable) // again, while the descriptor is ready
	wantWait(t, w, bridge.Readable)
	wantQuiet(t, w) // Wait puts nothing into C
	p.read(t)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
}

func TestReadinessAtTheTimeOfWatchIsAnEdge(t *testing.T) {
	p := newTube(t)
	p.write(t)
	first := mustWatch(t, p.r, bridge.Readable)
	second := mustWatch(t, p.r, bridge.Readable)
	for _, w := range []*bridge.Watcher{first, second} {
		select {
		case got := <-w.C():
			if got != bridge.Readable {
				t.Errorf("C gave %v, want Readable", got)
			}
		default:
			t.Error("C is empty, want what was ready when Watch was called")
		}
	}
	wantQuiet(t, first)
}

func TestRearmAsksForOneMoreEvent(t *testing.T) {
	p := newTube(t)
	w, other := mustWatch(t, p.r, bridge.Readable), mustWatch(t, p.r, bridge.Readable)
	if err := w.Rearm(); err != nil {
		t.Fatal(err)
	}
	wantQuiet(t, w)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
	wantEdge(t, other, bridge.Readable)
	if err := w.Rearm(); err != nil {
		t.Fatal(err)
	}
	wantEdge(t, w, bridge.Readable)
	wantQuiet(t, w)
	wantQuiet(t, other)
}

func TestEdgesAreMerged(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	later := mustWatch(t, p.r, bridge.Readable) // gets each edge after w
	p.write(t)
	wantEdge(t, later, bridge.Readable)
	p.read(t)
	p.close(&p.w)
	wantEdge(t, later, bridge.HangUp)
	wantEdge(t, w, bridge.Readable|bridge.HangUp)
}

// A goroutine wakes up even if the descriptor becomes ready while the goroutine is going
// to sleep in Wait. If that were missed, the test would hang.
func TestNoWakeUpIsLost(t *testing.T) {
	p, turn := newTube(t), make(chan int)
	w := mustWatch(t, p.r, bridge.Readable)
	other := mustWatch(t, newTube(t).r, bridge.Readable)
	rounds := 10000
	if testing.Short() {
		rounds = 1000
	}
	go func() { // polls concurrently, and delivers the events it finds to w
		for other.Rearm() == nil {
			runtime.Gosched()
		}
	}()
	defer other.Close()
	go func() {
		defer close(turn)
		for round := range rounds {
			for range round % 64 { // so that each write comes at another step of Wait
				unix.Getppid()
			}
			p.write(t)
			<-turn
		}
	}()
	for round := range rounds {
		wantWait(t, w, bridge.Readable)
		p.read(t)
		turn <- round
	}
	<-turn
}

func TestReadinessBetweenLookingAndSleepingIsSeen(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
	if got, err := bridge.Sleep(background, w); got != bridge.Readable || err != nil {
		t.Errorf("Wait = %v, %v; want Readable", got, err)
	}
}

func TestHangUpComesUnasked(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, 0)
	p.write(t)
	wantQuiet(t, w)
	p.close(&p.w)
	wantEdge(t, w, bridge.HangUp)
	wantWait(t, w, bridge.HangUp)
}

func TestFailedComesUnasked(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.w, 0)
	p.close(&p.r)
	wantWait(t, w, bridge.Failed)
	wantEdge(t, w, bridge.Failed)
}

// Each Watcher reports the events that it was asked for and no others.
func TestWatchersOfOneDescriptorDoNotDisturbEachOther(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	reader := mustWatch(t, fds[0], bridge.Readable)
	writer := mustWatch(t, fds[0], bridge.Writable)
	peer := mustWatch(t, fds[0], bridge.PeerClosed)
	wantEdge(t, writer, bridge.Writable)
	if _, err := unix.Write(fds[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	wantEdge(t, reader, bridge.Readable)
	wantQuiet(t, writer)
	wantQuiet(t, peer)
	unix.Close(fds[1])
	if got := <-peer.C(); got&bridge.PeerClosed == 0 {
		t.Errorf("C gave %v, want PeerClosed", got)
	}
}

func TestEveryWaiterSeesReadiness(t *testing.T) {
	p := newTube(t)
	w, other := mustWatch(t, p.r, bridge.Readable), mustWatch(t, p.r, bridge.Readable)
	got := make(chan bridge.Events)
	for i := range 100 {
		go func() {
			w := []*bridge.Watcher{w, other}[i%2]
			events, err := w.Wait(background)
			if err != nil {
				t.Error(err)
			}
			got <- events
		}()
	}
	p.write(t)
	for range 100 {
		if events := <-got; events != bridge.Readable {
			t.Errorf("Wait = %v, want Readable", events)
		}
	}
}

func TestManyWatchersOfOneDescriptor(t *testing.T) {
	p := newTube(t)
	const many = 3000 // more than the 500 nested epoll instances that the kernel allows a file
	var watchers []*bridge.Watcher
	for range many {
		watchers = append(watchers, mustWatch(t, p.r, bridge.Readable))
	}
	p.write(t)
	for _, w := range watchers {
		wantEdge(t, w, bridge.Readable)
		w.Close()
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	ctx, cancel := context.WithCancel(background)
	done := make(chan error)
	go func() { _, err := w.Wait(ctx); done <- err }()
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("Wait = %v, want context.Canceled itself", err)
	}
	p.write(t)
	if _, err := w.Wait(ctx); err != context.Canceled {
		t.Errorf("Wait = %v with an ended ctx, want context.Canceled", err)
	}
	_, err := w.Wait(nil) //lint:ignore SA1012 a nil ctx is the bad input under test
	wantIs(t, "Wait(nil)", err, os.ErrInvalid)
}

func TestAfterClose(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	done := make(chan error)
	for range 10 {
		go func() { _, err := w.Wait(background); done <- err }()
	}
	p.write(t)
	for range 10 {
		<-done
	}
	for len(w.C()) == 0 {
		runtime.Gosched()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.Wait(background)
	wantIs(t, "Wait after Close", err, os.ErrClosed)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = w.Wait(ctx)
	wantIs(t, "Wait with an ended ctx after Close", err, os.ErrClosed)
	wantIs(t, "Rearm after Close", w.Rearm(), os.ErrClosed)
	wantIs(t, "Close after Close", w.Close(), os.ErrClosed)
	wantEdge(t, w, bridge.Readable) // C's buffer can still be received
	if got, ok := <-w.C(); ok {
		t.Errorf("C gave %v, want it closed", got)
	}
	p.read(t) // the descriptor is still open
}

func TestCloseWakesWaiters(t *testing.T) {
	p := newTube(t)
	w := mustWatch(t, p.r, bridge.Readable)
	done := make(chan error)
	for range 20 {
		go func() { _, err := w.Wait(background); done <- err }()
	}
	w.Close()
	for range 20 {
		wantIs(t, "Wait", <-done, os.ErrClosed)
	}
}

func TestWatchRefuses(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	p := newTube(t)
	for what, c := range map[string]struct {
		fd     int
		events bridge.Events
		want   error
	}{
		"a regular file":       {int(file.Fd()), bridge.Readable, bridge.ErrNotPollable},
		"a directory":          {int(dir.Fd()), bridge.Readable, bridge.ErrNotPollable},
		"a negative number":    {-1, bridge.Readable, os.ErrInvalid},
		"a number past 32":     {past32(p.r), bridge.Readable, os.ErrInvalid},
		"the largest number":   {past32(math.MaxInt32), bridge.Readable, os.ErrInvalid},
		"one that is closed":   {1 << 20, bridge.Readable, syscall.EBADF},
		"bits of no event":     {p.r, 1 << 30, os.ErrInvalid},
		"epoll's own edge bit": {p.r, bridge.Readable | 1<<31, os.ErrInvalid},
	} {
		w, err := bridge.Watch(c.fd, c.events)
		wantIs(t, "Watch of "+what, err, c.want)
		if w != nil {
			t.Errorf("Watch of %s returned a Watcher", what)
		}
	}
}

// past32 returns an int that the kernel would truncate to n, because it reads 32 bits, or
// -1 if int has only 32 bits. Neither is a valid descriptor number.
func past32(n int) int {
	if strconv.IntSize == 32 {
		return -1
	}
	return n | 1<<(strconv.IntSize-32)
}

// The descriptor of an epoll instance can be watched like any other. libuv needs that.
func TestEpollDescriptorsCanBeWatched(t *testing.T) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ep)
	p := newTube(t)
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, p.r, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	w := mustWatch(t, ep, bridge.Readable)
	p.write(t)
	wantEdge(t, w, bridge.Readable)
}

func TestFlagsStayAsTheyAre(t *testing.T) {
	for _, flags := range []int{0, unix.O_NONBLOCK, unix.O_CLOEXEC} {
		var p [2]int
		if err := unix.Pipe2(p[:], flags); err != nil {
			t.Fatal(err)
		}
		read := func() (r [2]int) {
			r[0], _ = unix.FcntlInt(uintptr(p[0]), unix.F_GETFL, 0)
			r[1], _ = unix.FcntlInt(uintptr(p[0]), unix.F_GETFD, 0)
			return r
		}
		before := read()
		w := mustWatch(t, p[0], bridge.Readable)
		if _, err := unix.Write(p[1], []byte("x")); err != nil {
			t.Fatal(err)
		}
		wantEdge(t, w, bridge.Readable)
		w.Close()
		if after := read(); after != before {
			t.Errorf("flags are %#x, were %#x", after, before)
		}
		unix.Close(p[0])
		unix.Close(p[1])
	}
}
