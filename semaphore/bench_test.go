package semaphore_test

import (
	"fmt"
	"sync"
	"testing"
)

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
