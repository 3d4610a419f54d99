package semaphore_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/eventchan/eventchan/semaphore"
)

// At most two workers at once; the limit could as well be shared with C threads
// and child processes.
func ExampleSemaphore() {
	s, err := semaphore.New(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	var wg sync.WaitGroup
	for range 10 {
		if err := s.Acquire(context.Background(), 1); err != nil {
			fmt.Println(err)
			return
		}
		wg.Go(func() {
			defer s.Release(1)
			// work
		})
	}
	wg.Wait()
	fmt.Println(s.Count())
	// Output: 2 <nil>
}

// A program that was written for golang.org/x/sync/semaphore: only its import path has
// been changed.
func ExampleNewWeighted() {
	ctx := context.Background()
	var limit *semaphore.Weighted = semaphore.NewWeighted(3)
	for range 10 {
		if err := limit.Acquire(ctx, 1); err != nil {
			fmt.Println(err)
			return
		}
		go func() {
			defer limit.Release(1)
			// work
		}()
	}
	limit.Acquire(ctx, 3) // when all have ended
	limit.Release(3)
	defer func() { fmt.Println(recover()) }()
	limit.Release(1)
	// Output: semaphore: released more than held
}

func ExampleSemaphore_C() {
	s, err := semaphore.New(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	go s.Release(1) // or a C thread, another process: write(2) to s.FD()
	select {
	case <-s.C():
		fmt.Println("acquired")
		s.Release(1)
	case <-context.Background().Done():
	}
	// Output: acquired
}
