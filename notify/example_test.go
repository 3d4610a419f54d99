package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/eventchan/eventchan/notify"
)

// Several signals arrive as one count.
func ExampleNotifier() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	n.Notify()
	n.Add(4)
	fmt.Println(n.Wait(context.Background()))
	// Output: 5 <nil>
}

func ExampleNew() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	fmt.Println(n)
	// Output: Notifier(private)
}

// An Add that would exceed the maximum adds nothing.
func ExampleNotifier_Add() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	fmt.Println(n.Add(notify.MaxCount))
	err = n.Add(3)
	fmt.Println(errors.Is(err, notify.ErrOverflow))
	n.TryWait() // takes the count, which makes room
	fmt.Println(n.Add(3))
	// Output:
	// <nil>
	// true
	// <nil>
}

func ExampleNotifier_Notify() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	go n.Notify()
	fmt.Println(n.Wait(context.Background()))
	// Output: 1 <nil>
}

func ExampleNotifier_Wait() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	fmt.Println(n.Wait(ctx)) // no signal comes in time
	go n.Add(3)
	fmt.Println(n.Wait(context.Background()))
	// Output:
	// 0 context deadline exceeded
	// 3 <nil>
}

func ExampleNotifier_TryWait() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	fmt.Println(n.TryWait())
	n.Add(2)
	fmt.Println(n.TryWait())
	// Output:
	// 0 false
	// 2 true
}

// C waits in a select statement for whichever comes first, a signal or the end of a context.
func ExampleNotifier_C() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go n.Add(3) // a C thread, another process or the kernel can add as well
	select {
	case count := <-n.C():
		fmt.Println(count, "signals")
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: 3 signals
}

// The count that is pending at Close can still be received.
func ExampleNotifier_Close() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	n.Add(2)
	fmt.Println(n.Close())
	fmt.Println(n.Wait(context.Background()))
	_, err = n.Wait(context.Background())
	fmt.Println(errors.Is(err, os.ErrClosed))
	// Output:
	// <nil>
	// 2 <nil>
	// true
}
