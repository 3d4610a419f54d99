//go:build linux

package tests

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/child"
	"github.com/eventchan/eventchan/internal/testing/cthread"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/semaphore"
)

// permitsKey is the environment variable with the number of permits.
const permitsKey = "EVENTCHAN_TEST_PERMITS"

// There are never more permits than at the start, and none is lost. A parent, a C thread and two
// children acquire permits of one Semaphore with every method, and count the permits held in
// shared memory.
func TestPermitsAreNeverMoreNorLost(t *testing.T) {
	const permits = 5
	rounds := hammer.Rounds(2000)
	s := newSemaphore(t, permits)
	rest := twinSemaphore(t, s) // shows what is left after s is closed
	memory, err := unix.MemfdCreate("ledger", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	ledgerFile := os.NewFile(uintptr(memory), "ledger")
	defer ledgerFile.Close()
	if err := ledgerFile.Truncate(int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	l, err := openLedger(memory, permits)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	env := []string{fmt.Sprintf("%s=%d", permitsKey, permits), fmt.Sprintf("%s=%d", child.TimesKey, rounds)}
	var children []*child.Process
	for range 2 {
		file, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		dup := os.NewFile(uintptr(duplicate(t, memory)), "ledger")
		children = append(children, child.MustStart(t, "permits", env, file, dup))
	}
	thread, err := cthread.Hold(s.FD(), rounds, &l.page.held, permits)
	if errors.Is(err, cthread.ErrUnavailable) && os.Getenv("EVENTCHAN_CI") != "1" {
		t.Logf("no C thread takes part: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := l.drawAll(soon(t), s, rounds); err != nil {
		t.Error(err)
	}
	if thread != nil {
		if _, err := thread.Join(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range children {
		if err := p.Wait(); err != nil {
			t.Errorf("a child: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantCount(t, rest, permits)
	if past := l.page.past.Load(); past != 0 {
		t.Errorf("%d times more than %d permits were held, at most %d", past, permits, l.page.most.Load())
	}
	if held := atomic.LoadInt64(&l.page.held); held != 0 {
		t.Errorf("%d permits held at the end, want 0", held)
	}
	t.Logf("%d permits taken, at most %d held together", l.page.taken.Load(), l.page.most.Load())
}

// playPermits is the role of the children.
func playPermits(ctx context.Context) (string, error) {
	s, err := semaphore.FromFD(child.Inherited)
	if err != nil {
		return "", err
	}
	l, err := openLedger(child.Inherited+1, int64(child.Number(permitsKey)))
	if err != nil {
		return "", err
	}
	defer l.close()
	return "", errors.Join(l.drawAll(ctx, s, child.Number(child.TimesKey)), s.Close())
}

// A ledger counts the permits that all processes hold.
type ledger struct {
	page    *page
	mapped  []byte
	permits int64
}

type page struct {
	held  int64 // the C thread changes it too
	most  atomic.Int64
	past  atomic.Int64
	taken atomic.Int64
}

func openLedger(memory int, permits int64) (*ledger, error) {
	mapped, err := unix.Mmap(memory, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &ledger{page: (*page)(unsafe.Pointer(unsafe.SliceData(mapped))), mapped: mapped, permits: permits}, nil
}

func (l *ledger) close() { unix.Munmap(l.mapped) }

// hold counts n permits as held for a moment.
func (l *ledger) hold(n int64) {
	held := atomic.AddInt64(&l.page.held, n)
	if held > l.permits {
		l.page.past.Add(1)
	}
	for most := l.page.most.Load(); held > most; most = l.page.most.Load() {
		l.page.most.CompareAndSwap(most, held)
	}
	l.page.taken.Add(n)
	hammer.Delay(3)
	atomic.AddInt64(&l.page.held, -n)
}

// drawAll acquires and releases permits in several goroutines, rounds times each.
func (l *ledger) drawAll(ctx context.Context, s *semaphore.Semaphore, rounds int) error {
	draws := []func(context.Context, *semaphore.Semaphore) (int64, error){
		func(ctx context.Context, s *semaphore.Semaphore) (int64, error) { return 1, s.Acquire(ctx, 1) },
		acquireOrCancel, acquireOrCancel, acquireOrCancel,
		tryAcquire,
		receivePermit, receivePermit,
	}
	failed := make(chan error, len(draws))
	var wg sync.WaitGroup
	for _, draw := range draws {
		wg.Go(func() {
			for range rounds {
				n, err := draw(ctx, s)
				if err != nil {
					failed <- err
					return
				}
				if n > 0 {
					l.hold(n)
					s.Release(n)
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

func acquireOrCancel(parent context.Context, s *semaphore.Semaphore) (int64, error) {
	ctx, cancel := hammer.Cancel(parent)
	defer cancel()
	n := 1 + rand.Int64N(3)
	err := s.Acquire(ctx, n)
	if errors.Is(err, context.Canceled) {
		return 0, nil
	}
	return n, err
}

func tryAcquire(_ context.Context, s *semaphore.Semaphore) (int64, error) {
	if n := 1 + rand.Int64N(2); s.TryAcquire(n) {
		return n, nil
	}
	runtime.Gosched()
	return 0, nil
}

func receivePermit(ctx context.Context, s *semaphore.Semaphore) (int64, error) {
	select {
	case _, ok := <-s.C():
		if !ok {
			return 0, os.ErrClosed
		}
		return 1, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
