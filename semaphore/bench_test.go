package semaphore_test

import (
	"fmt"
	"sync"
	"testing"
)

// wantNoAllocs fails the test if what does not block allocates.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(1000, f); got != 0 {
		t.Errorf("%s allocates %v times, want none", what, got)
	}
}

func TestWhatDoesNotBlockDoesNotAllocate(t *testing.T) {
	s := mustNew(t, 1)
	for _, n := range []int64{1, 5} {
		wantNoAllocs(t, "Release and TryAcquire", func() { s.Release(n); s.TryAcquire(n) })
		wantNoAllocs(t, "Release and Acquire", func() { s.Release(n); s.Acquire(background, n) })
	}
	wantNoAllocs(t, "TryAcquire in vain", func() { s.TryAcquire(7) })
}

func BenchmarkPair(b *testing.B) {
	b.Run("Semaphore", func(b *testing.B) {
		s := mustNew(b, 1)
		b.ReportAllocs()
		for b.Loop() {
			s.Acquire(background, 1)
			s.Release(1)
		}
	})
	b.Run("chan", func(b *testing.B) {
		c := make(chan struct{}, 1)
		b.ReportAllocs()
		for b.Loop() {
			c <- struct{}{}
			<-c
		}
	})
}

func BenchmarkContended(b *testing.B) {
	const permits = 2
	for _, goroutines := range []int{4, 16} {
		b.Run(fmt.Sprintf("Semaphore/%d", goroutines), func(b *testing.B) {
			s := mustNew(b, permits)
			share(b, goroutines, func() { s.Acquire(background, 1); s.Release(1) })
		})
		b.Run(fmt.Sprintf("chan/%d", goroutines), func(b *testing.B) {
			c := make(chan struct{}, permits)
			share(b, goroutines, func() { c <- struct{}{}; <-c })
		})
	}
}

// share divides the rounds among goroutines.
func share(b *testing.B, goroutines int, round func()) {
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range b.N/goroutines + 1 {
				round()
			}
		})
	}
	wg.Wait()
}
