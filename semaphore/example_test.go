package semaphore_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/eventchan/eventchan/semaphore"
)

// At most two workers run concurrently. C threads and child processes could share the limit.
func ExampleSemaphore() {
	s, err := semaphore.New(2)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var wg sync.WaitGroup
	for range 10 {
		if err := s.Acquire(context.Background(), 1); err != nil {
			log.Fatal(err)
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

func ExampleNew() {
	s, err := semaphore.New(3)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s)
	fmt.Println(s.Count())
	// Output:
	// Semaphore(private)
	// 3 <nil>
}

// A program that was written for golang.org/x/sync/semaphore works with another import path.
func ExampleNewWeighted() {
	ctx := context.Background()
	var limit *semaphore.Weighted = semaphore.NewWeighted(3)
	for range 10 {
		if err := limit.Acquire(ctx, 1); err != nil {
			log.Fatal(err)
		}
		go func() {
			defer limit.Release(1)
			// work
		}()
	}
	if err := limit.Acquire(ctx, 3); err != nil { // returns when all workers have ended
		log.Fatal(err)
	}
	limit.Release(3)
	defer func() { fmt.Println(recover()) }()
	limit.Release(1) // one more than the size
	// Output: semaphore: released more than held
}

// Acquire takes all permits that it asks for, or none.
func ExampleSemaphore_Acquire() {
	s, err := semaphore.New(2)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println(s.Acquire(ctx, 3)) // only 2 are free
	go s.Release(1)
	fmt.Println(s.Acquire(context.Background(), 3))
	// Output:
	// context deadline exceeded
	// <nil>
}

func ExampleSemaphore_TryAcquire() {
	s, err := semaphore.New(2)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println(s.TryAcquire(3))
	fmt.Println(s.TryAcquire(2))
	fmt.Println(s.TryAcquire(1))
	// Output:
	// false
	// true
	// false
}

// The permits of New are not limited: a producer releases one per item, and a consumer acquires one
// before it takes an item.
func ExampleSemaphore_Release() {
	s, err := semaphore.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	var items [3]string
	go func() {
		for i := range items {
			items[i] = fmt.Sprint("item ", i)
			s.Release(1)
		}
	}()
	for i := range items {
		if err := s.Acquire(context.Background(), 1); err != nil {
			log.Fatal(err)
		}
		fmt.Println(items[i])
	}
	// Output:
	// item 0
	// item 1
	// item 2
}

// C acquires a permit in a select statement, unless the context ends first.
func ExampleSemaphore_C() {
	s, err := semaphore.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go s.Release(1) // a C thread or another process can release as well
	select {
	case <-s.C():
		fmt.Println("acquired")
		s.Release(1)
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: acquired
}
