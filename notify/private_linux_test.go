package notify_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/hammer"
	"github.com/eventchan/eventchan/internal/leaktest"
	"github.com/eventchan/eventchan/internal/mode"
	"github.com/eventchan/eventchan/internal/word"
	"github.com/eventchan/eventchan/notify"
)

// eventually waits until ok returns true.
func eventually(t testing.TB, what func() string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal(what())
		}
	}
}

// signal adds n, less than 2^32, through a handle in the way of the C header, and
// reports whether that was in time. It is Go only so that it needs no cgo.
func signal(handle unsafe.Pointer, n uint64) bool {
	w := (*atomic.Uint64)(handle)
	old := w.Add(n) - n
	if old&word.Closed != 0 {
		w.Add(-n)
		return false
	}
	if old&word.Ring == 0 || w.And(^uint64(word.Ring))&word.Ring == 0 {
		return true
	}
	users := (*atomic.Uint32)(unsafe.Add(handle, 8))
	for u := users.Load(); !users.CompareAndSwap(u, u+1); u = users.Load() {
		if u == 0 {
			return true
		}
	}
	doorbell := int(*(*int32)(unsafe.Add(handle, 12)))
	unix.Write(doorbell, binary.NativeEndian.AppendUint64(nil, 1))
	if users.Add(^uint32(0)) == 0 {
		unix.Close(doorbell)
	}
	return true
}

// fetch reads the eventfd as C does that waits for it.
func fetch(t testing.TB, fd int) uint64 {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 30_000)
		if err == unix.EINTR {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("poll(2) = %d, %v; want the descriptor to be readable", n, err)
		}
		break
	}
	var buf [8]byte
	if _, err := unix.Read(fd, buf[:]); err != nil {
		t.Fatalf("read(2) = %v", err)
	}
	return binary.NativeEndian.Uint64(buf[:])
}

// ours returns what this process has that a private object does without.
func ours(t testing.TB) (descriptors int, poller bool) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return len(entries), strings.Contains(string(stacks), "internal/poller.")
}

func TestPrivateNeedsNeitherDescriptorNorPoller(t *testing.T) {
	leaktest.Baseline() // what earlier tests closed has ended then
	before, _ := ours(t)
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	mustAdd(t, n, 3)
	wantWait(t, n, 3)
	ctx, cancel := context.WithCancel(background)
	arrivals := startWaiters(n, []context.Context{background, ctx, background})
	cancel()
	if got := <-arrivals; got.who != 1 || got.err != context.Canceled {
		t.Errorf("waiter %d got %v; want waiter 1 to get context.Canceled", got.who, got.err)
	}
	mustAdd(t, n, 5)
	if got := <-arrivals; got.count != 5 {
		t.Errorf("the waiter got %d, %v; want 5", got.count, got.err)
	}
	n.C()
	if after, poller := ours(t); after > before || poller {
		t.Errorf("%d descriptors with a private Notifier, poller %v; want at most %d, as before, and none", after, poller, before)
	}
}

// FD and File move all of a count that has come in any way, and whoever reads the
// eventfd then finds it there.
func TestReaderSeesWhatWasAddedBeforeTheExport(t *testing.T) {
	for name, export := range map[string]func(*notify.Notifier) int{
		"FD": (*notify.Notifier).FD,
		"File": func(n *notify.Notifier) int {
			file, err := n.File()
			if err != nil {
				return -1
			}
			t.Cleanup(func() { file.Close() })
			return int(file.Fd())
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, count := range []uint64{1, 1 << 32, word.Full, word.Full + 7, 1<<63 + 5, notify.MaxCount - 3} {
				n := mustNew(t)
				mustAdd(t, n, count)
				if mode.Is("handle") {
					signal(n.Handle(), 3)
					count += 3
				}
				if got := fetch(t, export(n)); got != count {
					t.Errorf("read %#x, want %#x", got, count)
				}
				wantCount(t, n, 0)
				mustAdd(t, n, 11)
				if got := fetch(t, n.FD()); got != 11 {
					t.Errorf("read %d after the export, want 11", got)
				}
			}
		})
	}
}

// Also where C has added so much beside a full count that no eventfd holds it all.
func TestReaderSeesMoreThanAnEventfdHolds(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	mustAdd(t, n, notify.MaxCount)
	signal(h, 10)
	got := fetch(t, n.FD())
	for left := got + 1 - got; left > 0; { // what is left comes when somebody looks
		var ok bool
		if left, ok = n.TryWait(); !ok {
			break
		}
		got += left // passes 2^64
	}
	if want := uint64(8); got != want {
		t.Errorf("read and taken 2^64+%d, want 2^64+%d", got, want)
	}
}

// A count that no word holds moves with Handle as any other.
func TestHandleMovesAnyCount(t *testing.T) {
	for _, count := range []uint64{1, word.Full, word.Full + 9, notify.MaxCount - 5} {
		n := mustNew(t)
		mustAdd(t, n, count)
		if !signal(n.Handle(), 5) {
			t.Error("a signal through the handle came too late, want it in time")
		}
		wantCount(t, n, count+5)
		wantWait(t, n, count+5)
	}
}

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	n.FD()
	n.C()
	if got := n.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	n.Close()
	if got := n.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if signal(h, 1) {
		t.Error("a signal after Close: want it to come too late")
	}
}

// The word and the eventfd are one count, in whatever order they came to be.
func TestSignalThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, outside := range map[string]func(*notify.Notifier) (unsafe.Pointer, int){
		"Handle first": func(n *notify.Notifier) (unsafe.Pointer, int) { h := n.Handle(); return h, n.FD() },
		"FD first":     func(n *notify.Notifier) (unsafe.Pointer, int) { fd := n.FD(); return n.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			h, fd := outside(n)
			for round := range uint64(50) { // each time the owner has to ask anew to be rung
				signal(h, 100+round)
				if got := fetch(t, fd); got != 100+round {
					t.Fatalf("round %d: read %d, want %d", round, got, 100+round)
				}
			}
			signal(h, 3)
			mustAdd(t, n, 4)
			wantCount(t, n, 7)
			if got, ok := n.TryWait(); got != 7 || !ok {
				t.Errorf("TryWait = %d, %v; want 7, true", got, ok)
			}
			arrivals := startWaiters(n, contexts(1))
			signal(h, 8)
			if got := <-arrivals; got.count != 8 {
				t.Errorf("the waiter got %d, %v; want 8", got.count, got.err)
			}
			c := n.C()
			signal(h, 9)
			if got := <-c; got != 9 {
				t.Errorf("C gave %d, want 9", got)
			}
		})
	}
}

// Who waits when the count moves is reached from there.
func TestMoveTakesThoseAlongWhoWait(t *testing.T) {
	for name, from := range map[string]func(*notify.Notifier){
		"Handle": func(n *notify.Notifier) { signal(n.Handle(), 6) },
		"FD":     func(n *notify.Notifier) { mustWrite(t, n, 6) },
		"Handle and FD": func(n *notify.Notifier) {
			h := n.Handle()
			n.FD()
			signal(h, 6)
		},
		"FD and Handle": func(n *notify.Notifier) { n.FD(); signal(n.Handle(), 6) },
		"Handle and write": func(n *notify.Notifier) {
			n.Handle()
			mustWrite(t, n, 6)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			arrivals := startWaiters(n, contexts(1))
			from(n)
			if got := <-arrivals; got.count != 6 {
				t.Errorf("the waiter got %d, %v; want 6", got.count, got.err)
			}
			n = mustNew(t)
			c := n.C()
			from(n)
			if got := <-c; got != 6 {
				t.Errorf("C gave %d, want 6", got)
			}
		})
	}
}

// Who was woken by the doorbell has answered it, since no kernel promises an edge
// for each ring at one that nobody answers.
func TestDoorbellIsAnswered(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	for range 20 {
		arrivals := startWaiters(n, contexts(1))
		signal(h, 1)
		<-arrivals
		doorbell := []unix.PollFd{{Fd: *(*int32)(unsafe.Add(h, 12)), Events: unix.POLLIN}}
		if ready, err := unix.Poll(doorbell, 0); ready != 0 {
			t.Fatalf("poll(2) of the doorbell = %d, %v; want it to be empty once the waiter runs", ready, err)
		}
	}
}

// After a burst the consumer looks a number of times before he sleeps and has to be
// rung for. A signal that comes at the end of that is not lost.
func TestNoSignalIsLostWhenAStreamEnds(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds /= 4
	}
	for name, receiver := range map[string]func(*notify.Notifier) <-chan uint64{
		"C": (*notify.Notifier).C,
		"Wait": func(n *notify.Notifier) <-chan uint64 {
			counts := make(chan uint64, 2)
			for range 2 { // so that one waits on when the other is served
				go func() {
					for {
						count, err := n.Wait(background)
						if err != nil {
							return
						}
						counts <- count
					}
				}()
			}
			return counts
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t)
			h, counts := n.Handle(), receiver(n)
			for round := range rounds {
				for _, count := range []uint64{5, 1} {
					signal(h, count)
					for got := uint64(0); got < count; {
						select {
						case more := <-counts:
							got += more
						case <-time.After(30 * time.Second):
							left, err := n.Count()
							t.Fatalf("round %d: received %d of %d, and %d, %v are left", round, got, count, left, err)
						}
					}
					for range round % 100 {
						runtime.Gosched()
					}
				}
			}
		})
	}
}

// A goroutine that looks for what C threads may bring takes nothing that belongs to
// who waits already.
func TestNobodyOvertakesWhileHeLooks(t *testing.T) {
	n := mustNew(t)
	h := n.Handle()
	second := make(chan uint64)
	rounds := 1000
	if testing.Short() {
		rounds /= 4
	}
	for round := range rounds {
		for _, burst := range []uint64{9, 9} { // which makes it worth to look
			arrivals := startWaiters(n, contexts(1))
			signal(h, burst)
			<-arrivals
		}
		first := startWaiters(n, contexts(1))
		go func() {
			count, _ := n.Wait(background)
			second <- count
		}()
		for range round % 16 {
			runtime.Gosched()
		}
		signal(h, 1)
		select {
		case got := <-first:
			if got.count != 1 {
				t.Fatalf("the waiter got %d, %v; want 1", got.count, got.err)
			}
		case <-second:
			t.Fatal("the second has overtaken the first")
		}
		signal(h, 2)
		if got := <-second; got != 2 {
			t.Fatalf("the second got %d, want 2", got)
		}
	}
}

// A count that has come before Close goes to who waits, though nobody may have had
// the time to bring it to him.
func TestCloseDeliversToWhoWaits(t *testing.T) {
	for name, add := range map[string]func(*notify.Notifier){
		"handle": func(n *notify.Notifier) { signal(n.Handle(), 5) },
		"write":  func(n *notify.Notifier) { mustWrite(t, n, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				n, err := mode.Notifier()
				if err != nil {
					t.Fatal(err)
				}
				arrivals := startWaiters(n, contexts(2))
				add(n)
				n.Close()
				var sum uint64
				for range 2 {
					got := <-arrivals
					sum += got.count
					if got.count == 0 && !errors.Is(got.err, os.ErrClosed) {
						t.Errorf("a waiter got %d, %v; want os.ErrClosed", got.count, got.err)
					}
				}
				if sum != 5 {
					t.Errorf("the waiters got %d, want 5", sum)
				}
			}
		})
	}
}

// Without descriptors the count and those who wait for it stay where they are.
func TestExportThatFailsChangesNothing(t *testing.T) {
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	c := n.C()
	arrivals := startWaiters(n, contexts(1))
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	fd, h := n.FD(), n.Handle()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if fd != -1 || h != nil {
		t.Errorf("FD = %d and Handle = %p without descriptors, want -1 and nil", fd, h)
	}
	mustAdd(t, n, 3)
	if got := <-arrivals; got.count != 3 {
		t.Errorf("the waiter got %d, %v; want 3", got.count, got.err)
	}
	mustAdd(t, n, 5)
	if got, ok := n.TryWait(); got != 5 || !ok {
		t.Errorf("TryWait = %d, %v; want 5, true", got, ok)
	}
	mustAdd(t, n, 7)
	if got := <-c; got != 7 {
		t.Errorf("C gave %d, want 7", got)
	}
}

// What a thread was told is in time stays in the eventfd for others who hold it,
// though Close comes at any moment.
func TestCloseLeavesWhatCameInTime(t *testing.T) {
	hammer.For(time.Second, 2, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		h := n.Handle()
		file, err := n.File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		var added atomic.Uint64
		var threads sync.WaitGroup
		for i := range uint64(2) {
			threads.Go(func() {
				for signal(h, 1+i) {
					added.Add(1 + i)
				}
			})
		}
		for range rand.IntN(3) {
			runtime.Gosched()
		}
		n.Close()
		threads.Wait()
		var left uint64
		if added.Load() > 0 {
			left = fetch(t, int(file.Fd()))
		}
		if got := added.Load(); got != left {
			t.Errorf("%d came in time, %d are left", got, left)
		}
	})
}

// A mover brings the count of a private Notifier to where others see it, and
// signals from there.
type mover struct {
	n     *notify.Notifier
	added *atomic.Uint64
}

func (m mover) export() {
	if fd := m.n.FD(); fd >= 0 && rand.IntN(2) == 0 {
		if _, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1000)); err == nil {
			m.added.Add(1000)
		}
	}
}

func (m mover) file() {
	if file, err := m.n.File(); err == nil {
		file.Close()
	}
}

func (m mover) handle() {
	for h := m.n.Handle(); h != nil && rand.IntN(4) > 0 && signal(h, 7); {
		m.added.Add(7)
	}
}

// The sum is conserved and nobody sleeps past a signal, though the count moves at
// any moment while it is added to, taken and waited for in every way.
func TestExportAtAnyMoment(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	for name, receive := range map[string]func(*notify.Notifier) (uint64, error){
		"Wait": func(n *notify.Notifier) (uint64, error) { return n.Wait(background) },
		"C": func(n *notify.Notifier) (uint64, error) {
			if count, ok := <-n.C(); ok {
				return count, nil
			}
			return 0, os.ErrClosed
		},
		"both": func(n *notify.Notifier) (uint64, error) {
			if rand.IntN(100) == 0 {
				n.C()
			}
			return n.Wait(background)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hammer.For(time.Second, 3, func() { exportAtAnyMoment(t, receive) })
		})
	}
}

func exportAtAnyMoment(t *testing.T, receive func(*notify.Notifier) (uint64, error)) {
	n, err := notify.New()
	if err != nil {
		t.Error(err)
		return
	}
	var added, received atomic.Uint64
	var senders, receivers sync.WaitGroup
	receivers.Go(func() {
		for {
			count, err := receive(n)
			received.Add(count)
			if err != nil {
				return
			}
		}
	})
	receivers.Go(func() { // who comes and goes
		for {
			ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(50))*time.Microsecond)
			count, err := n.Wait(ctx)
			cancel()
			received.Add(count)
			if errors.Is(err, os.ErrClosed) {
				return
			}
			count, _ = n.TryWait()
			received.Add(count)
		}
	})
	for i := range uint64(2) {
		senders.Go(func() {
			for range 30 {
				mustAdd(t, n, 1+i)
				added.Add(1 + i)
				n.Count()
			}
		})
	}
	senders.Go(func() {
		m := mover{n, &added}
		moves := []func(){m.export, m.file, m.handle, m.handle, m.export}
		rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		for _, move := range moves {
			for range rand.IntN(10) {
				runtime.Gosched()
			}
			move()
		}
	})
	senders.Wait()
	eventually(t, func() string {
		count, err := n.Count()
		return fmt.Sprintf("added %d, received %d: %d, %v are left, %d goroutines sleep", added.Load(), received.Load(), count, err, notify.Waiting(n))
	}, func() bool { return received.Load() == added.Load() })
	n.Close()
	receivers.Wait()
	if received.Load() != added.Load() {
		t.Errorf("received %d, added %d", received.Load(), added.Load())
	}
}

// Close at any moment of the way: whatever came in time is delivered.
func TestCloseOnTheWayOut(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	stop := hammer.Strangers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		n, err := notify.New()
		if err != nil {
			t.Error(err)
			return
		}
		c := n.C()
		var added, received atomic.Uint64
		var wg sync.WaitGroup
		for i := range uint64(2) {
			wg.Go(func() {
				for n.Add(1+i) == nil {
					added.Add(1 + i)
				}
			})
		}
		wg.Go(func() {
			h := n.Handle()
			for h != nil && signal(h, 5) {
				added.Add(5)
			}
		})
		wg.Go(func() { n.FD() })
		wg.Go(func() {
			for count := range c {
				received.Add(count)
			}
		})
		for range rand.IntN(30) {
			runtime.Gosched()
		}
		n.Close()
		wg.Wait()
		if received.Load() != added.Load() {
			t.Errorf("received %d, added %d", received.Load(), added.Load())
		}
	})
}
