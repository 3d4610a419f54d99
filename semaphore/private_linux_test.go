package semaphore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
	"github.com/eventchan/eventchan/semaphore"
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

// signal releases n permits, fewer than 2^32, through a handle in the way of the C
// header, and reports whether that was in time. It is Go only so that it needs no
// cgo.
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

// fetch takes a permit from the eventfd as C does that waits for it.
func fetch(t testing.TB, fd int) {
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
	if _, err := unix.Read(fd, buf[:]); err != nil || binary.NativeEndian.Uint64(buf[:]) != 1 {
		t.Fatalf("read(2) of % x = %v, want 1 permit", buf, err)
	}
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
	s, err := semaphore.New(4)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustAcquire(t, s, 3)
	wantTry(t, s, 1, true)
	c := newCrowd(s)
	c.join(background, 2)
	ctx, cancel := context.WithCancel(background)
	c.join(ctx, 1)
	cancel()
	c.want(t, 1, context.Canceled)
	s.Release(2)
	c.want(t, 0, nil)
	s.C()
	c.join(background, 2)
	if after, poller := ours(t); after > before || poller {
		t.Errorf("%d descriptors with a private Semaphore, poller %v; want at most %d, as before, and none", after, poller, before)
	}
	s.Close()
	c.want(t, 2, os.ErrClosed)
}

// FD and File move all permits, wherever they came from.
func TestReaderTakesWhatWasReleasedBeforeTheExport(t *testing.T) {
	for name, export := range map[string]func(*semaphore.Semaphore) int{
		"FD": (*semaphore.Semaphore).FD,
		"File": func(s *semaphore.Semaphore) int {
			file, err := s.File()
			if err != nil {
				return -1
			}
			t.Cleanup(func() { file.Close() })
			return int(file.Fd())
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, permits := range []int64{1, 1 << 32, word.Full, word.Full + 7, math.MaxInt64 - 8} {
				s := mustNew(t, permits-1)
				s.Release(1)
				if mode.Is("handle") {
					signal(s.Handle(), 3)
					permits += 3
				}
				fd := export(s)
				wantCount(t, s, permits)
				fetch(t, fd)
				wantCount(t, s, permits-1)
				s.Release(5)
				wantCount(t, s, permits+4)
				wantTry(t, s, 3, true)
				wantCount(t, s, permits+1)
			}
		})
	}
}

// Also where C has released so many beside a full count that no eventfd holds all.
func TestReaderSeesMoreThanAnEventfdHolds(t *testing.T) {
	s := mustNew(t, math.MaxInt64)
	h := s.Handle()
	s.Release(math.MaxInt64)
	signal(h, 10)
	fetch(t, s.FD())
	wantTry(t, s, 1, true)
}

// Permits that no word holds move with Handle as any other.
func TestHandleMovesAnyNumber(t *testing.T) {
	for _, permits := range []int64{1, word.Full, word.Full + 9, math.MaxInt64 - 5} {
		s := mustNew(t, permits)
		if !signal(s.Handle(), 5) {
			t.Error("a release through the handle came too late, want it in time")
		}
		wantCount(t, s, permits+5)
		if !mode.Is("exported") { // or else it is a system call for each
			wantTry(t, s, permits+5, true)
			wantTry(t, s, 1, false)
		}
	}
}

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	s := mustNew(t, 1)
	h := s.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	s.FD()
	s.C()
	if got := s.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	s.Close()
	if got := s.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if signal(h, 1) {
		t.Error("a release after Close: want it to come too late")
	}
}

// The word and the eventfd are one number of permits, in whatever order they came
// to be.
func TestReleaseThroughHandleReachesTheDescriptor(t *testing.T) {
	for name, outside := range map[string]func(*semaphore.Semaphore) (unsafe.Pointer, int){
		"Handle first": func(s *semaphore.Semaphore) (unsafe.Pointer, int) { h := s.Handle(); return h, s.FD() },
		"FD first":     func(s *semaphore.Semaphore) (unsafe.Pointer, int) { fd := s.FD(); return s.Handle(), fd },
	} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, 0)
			h, fd := outside(s)
			for range 50 { // each time the owner has to ask anew to be rung
				signal(h, 2)
				fetch(t, fd)
				fetch(t, fd)
			}
			signal(h, 3)
			s.Release(4)
			wantCount(t, s, 7)
			wantTry(t, s, 7, true)
			c := newCrowd(s)
			c.join(background, 1)
			c.join(background, 3)
			signal(h, 1)
			c.want(t, 0, nil)
			signal(h, 3)
			c.want(t, 1, nil)
			permits := s.C()
			signal(h, 1)
			<-permits
		})
	}
}

// Who waits when the permits move is reached from there.
func TestMoveTakesThoseAlongWhoWait(t *testing.T) {
	write := func(s *semaphore.Semaphore) {
		unix.Write(s.FD(), binary.NativeEndian.AppendUint64(nil, 2))
	}
	for name, from := range map[string]func(*semaphore.Semaphore){
		"Handle": func(s *semaphore.Semaphore) { signal(s.Handle(), 2) },
		"FD":     write,
		"Handle and FD": func(s *semaphore.Semaphore) {
			h := s.Handle()
			s.FD()
			signal(h, 2)
		},
		"FD and Handle":    func(s *semaphore.Semaphore) { s.FD(); signal(s.Handle(), 2) },
		"Handle and write": func(s *semaphore.Semaphore) { s.Handle(); write(s) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int64{1, 2} {
				s := mustNew(t, 0)
				c := newCrowd(s)
				c.join(background, n)
				from(s)
				c.want(t, 0, nil)
			}
			s := mustNew(t, 0)
			permits := s.C()
			from(s)
			<-permits
		})
	}
}

// A permit may come at any moment of going to sleep, from Go or from C, and it may
// be the one that a waiter for several lacks. If it were missed, its round would
// never end. See TestNoWakeUpIsLost, which moves the permits to an eventfd.
func TestNoReleaseIsLost(t *testing.T) {
	rounds := int64(100_000)
	if testing.Short() {
		rounds /= 4
	}
	if !mode.Is("private") { // where a round is some system calls
		rounds /= 8
	}
	for name, n := range map[string]int64{"one": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			s := mustNew(t, 0)
			release := s.Release
			if mode.Is("handle") {
				h := s.Handle()
				release = func(n int64) { signal(h, uint64(n)) }
			}
			var turn atomic.Int64 // and no channel, so that both run at the same time
			var releaser sync.WaitGroup
			releaser.Go(func() {
				for round := range rounds {
					for turn.Load() < round {
						runtime.Gosched()
					}
					for range n {
						for range round % 512 { // meet the other at another step each time
							turn.Load()
						}
						release(1)
					}
				}
			})
			ctx, cancel := context.WithTimeout(background, 30*time.Second)
			defer cancel()
			for round := range rounds {
				turn.Store(round)
				if err := s.Acquire(ctx, n); err != nil {
					free, _ := s.Count()
					t.Errorf("round %d: Acquire(%d) = %v, and %d are free", round, n, err, free)
					break
				}
			}
			turn.Store(rounds)
			releaser.Wait()
		})
	}
}

// A context that ends at the moment when its waiter is woken leaves nothing behind
// for the next who waits in the same place.
func TestCancelMeetsRelease(t *testing.T) {
	s := mustNew(t, 1)
	var granted atomic.Int64
	hammer.For(time.Second/2, 3, func() {
		ctx, cancel := context.WithCancel(background)
		timer := time.AfterFunc(time.Duration(rand.IntN(20))*time.Microsecond, cancel)
		if err := s.Acquire(ctx, 1); err == nil {
			granted.Add(1)
			if granted.Load()%4 == 0 {
				runtime.Gosched() // so that others have to wait
			}
			s.Release(1)
		}
		timer.Stop()
		cancel()
	})
	if granted.Load() == 0 {
		t.Error("nobody was granted anything")
	}
	wantCount(t, s, 1)
}

// What a thread was told is in time stays in the eventfd for others who hold it,
// though Close comes at any moment.
func TestCloseLeavesWhatCameInTime(t *testing.T) {
	hammer.For(time.Second/2, 2, func() {
		s, err := semaphore.New(0)
		if err != nil {
			t.Error(err)
			return
		}
		h := s.Handle()
		file, err := s.File()
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		other, err := semaphore.FromFD(dup(t, int(file.Fd())))
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		var released atomic.Int64
		var threads sync.WaitGroup
		for i := range uint64(2) {
			threads.Go(func() {
				for signal(h, 1+i) {
					released.Add(int64(1 + i))
				}
			})
		}
		for range rand.IntN(3) {
			runtime.Gosched()
		}
		s.Close()
		threads.Wait()
		if left, err := other.Count(); left != released.Load() || err != nil {
			t.Errorf("%d came in time, %d, %v are left", released.Load(), left, err)
		}
	})
}

// dup returns a descriptor of the same eventfd that the test must hand on.
func dup(t *testing.T, fd int) int {
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
	}
	return d
}

// Never more permits are held than there are, none is lost and nobody sleeps past
// one, though they move at any moment while they are taken in every way.
func TestExportAtAnyMoment(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	for name, useC := range map[string]bool{"without C": false, "with C": true} {
		t.Run(name, func(t *testing.T) {
			hammer.For(3*time.Second/2, 3, func() { exportAtAnyMoment(t, useC) })
		})
	}
}

func exportAtAnyMoment(t *testing.T, useC bool) {
	const permits = 3
	s, err := semaphore.New(permits)
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	h := holders{t: t, s: s}
	h.there.Store(permits)
	most := int64(permits)
	if useC {
		most-- // since one is with C
	}
	var all, moving sync.WaitGroup
	var moved atomic.Bool
	for i := range int64(3) {
		all.Go(func() {
			for rounds := 0; rounds < 10 || !moved.Load(); rounds++ {
				h.acquire(background, 1+(i+int64(rounds))%most)
			}
		})
	}
	all.Go(func() { // who comes and goes
		for !moved.Load() {
			ctx, cancel := context.WithTimeout(background, time.Duration(rand.IntN(50))*time.Microsecond)
			h.acquire(ctx, 1+rand.Int64N(most))
			cancel()
			if s.TryAcquire(2) {
				h.hold(2)
			}
		}
	})
	if useC {
		all.Go(func() {
			for !moved.Load() {
				<-s.C()
				h.hold(1)
			}
		})
	}
	moving.Go(func() {
		defer moved.Store(true)
		moves := []func(){h.export, h.file, h.handle, h.handle, h.export}
		rand.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		for _, move := range moves {
			for range rand.IntN(10) {
				runtime.Gosched()
			}
			move()
		}
	})
	ended := make(chan struct{})
	go func() { moving.Wait(); all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		count, err := s.Count()
		t.Fatalf("%d goroutines sleep, %d are held, %d, %v are free of %d", semaphore.Waiting(s), h.held.Load(), count, err, h.there.Load())
	}
	h.wantAll(useC)
}

// Holders share the permits of a private Semaphore, and bring it to where others
// see it.
type holders struct {
	t           *testing.T
	s           *semaphore.Semaphore
	held, there atomic.Int64
}

func (h *holders) acquire(ctx context.Context, n int64) {
	if err := h.s.Acquire(ctx, n); err == nil {
		h.hold(n)
	} else if ctx == background {
		h.t.Errorf("Acquire = %v", err)
	}
}

// hold counts permits that were acquired, and releases them.
func (h *holders) hold(n int64) {
	if now, there := h.held.Add(n), h.there.Load(); now > there {
		h.t.Errorf("%d permits are held, there are %d", now, there)
	}
	h.held.Add(-n)
	h.s.Release(n)
}

func (h *holders) export() {
	if fd := h.s.FD(); fd >= 0 && rand.IntN(2) == 0 {
		h.there.Add(1)
		unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1))
	}
}

func (h *holders) file() {
	if file, err := h.s.File(); err == nil {
		file.Close()
	}
}

func (h *holders) handle() {
	for p := h.s.Handle(); p != nil && rand.IntN(2) == 0; {
		h.there.Add(1)
		signal(p, 1)
	}
}

// wantAll waits until all permits are free, but the one that C may hold.
func (h *holders) wantAll(useC bool) {
	h.t.Helper()
	want := h.there.Load()
	if useC {
		h.s.C() // so that there is always one with it
		want--
	}
	var count int64
	var err error
	eventually(h.t, func() string { return fmt.Sprintf("%d, %v are free, want %d", count, err, want) }, func() bool {
		count, err = h.s.Count()
		return count == want && err == nil
	})
}

// Close at any moment of the way: everybody wakes, and no stranger gets a byte.
func TestCloseOnTheWayOut(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	stop := hammer.Strangers(t)
	defer stop()
	hammer.For(time.Second, 3, func() {
		s, err := semaphore.New(1)
		if err != nil {
			t.Error(err)
			return
		}
		var wg sync.WaitGroup
		for i := range int64(2) {
			wg.Go(func() {
				for {
					if err := s.Acquire(background, 1+i); err != nil {
						if !errors.Is(err, os.ErrClosed) {
							t.Errorf("Acquire = %v, want os.ErrClosed", err)
						}
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range s.C() {
			}
		})
		wg.Go(func() {
			h := s.Handle()
			for h != nil && signal(h, 2) {
			}
		})
		wg.Go(func() { s.FD(); s.Release(1) })
		for range rand.IntN(30) {
			runtime.Gosched()
		}
		s.Close()
		wg.Wait()
	})
}
