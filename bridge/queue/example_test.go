package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/eventchan/eventchan/bridge/queue"
)

// An event is struct event { uint32_t source; float level; } in C.
type event struct {
	Source uint32
	Level  float32
}

// Here a goroutine sends values. A C callback sends them with
//
//	struct event e = { 1, 0.5f };
//	EVENTCHAN_SEND(handle, e); // the handle is q.Handle()
func Example() {
	q, err := queue.New[event](1024)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		defer q.Close()
		q.Send(event{1, 0.5})
		q.Send(event{2, 0.25})
	}()
	for e := range q.C() {
		fmt.Println("source", e.Source, "level", e.Level)
	}
	// Output:
	// source 1 level 0.5
	// source 2 level 0.25
}

// The capacity is rounded up. Types that C does not have are refused.
func ExampleNew() {
	q, err := queue.New[[2]float64](1000)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	fmt.Println(q.Cap())

	_, err = queue.New[struct{ Name string }](1000)
	fmt.Println(errors.Is(err, os.ErrInvalid))
	// Output:
	// 1024
	// true
}

// A select statement waits for a value and for the end of a context.
func ExampleQueue_C() {
	q, err := queue.New[int64](8)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	ctx := context.Background()

	go q.Send(42)
	select {
	case v := <-q.C():
		fmt.Println(v)
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: 42
}

func ExampleQueue_Receive() {
	q, err := queue.New[int64](8)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	go q.Send(42)
	fmt.Println(q.Receive(context.Background()))
	// Output: 42 <nil>
}

// ReceiveBatch returns what is there, at most len(dst) values.
func ExampleQueue_ReceiveBatch() {
	q, err := queue.New[int64](8)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	for i := range int64(5) {
		q.Send(i * i)
	}
	batch := make([]int64, 3)
	for range 2 {
		n, err := q.ReceiveBatch(context.Background(), batch)
		fmt.Println(batch[:n], err)
	}
	// Output:
	// [0 1 4] <nil>
	// [9 16] <nil>
}

// A full Queue refuses new values and overwrites nothing.
func ExampleQueue_Send() {
	q, err := queue.New[int64](2)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()

	for v := range int64(3) {
		fmt.Println(q.Send(v))
	}
	fmt.Println(q.Len(), q.Refused())
	// Output:
	// <nil>
	// <nil>
	// queue: full
	// 2 1
}

// Values that were sent before Close can still be received.
func ExampleQueue_Close() {
	q, err := queue.New[int64](8)
	if err != nil {
		log.Fatal(err)
	}
	q.Send(42)
	q.Close()

	fmt.Println(q.Receive(context.Background()))
	_, err = q.Receive(context.Background())
	fmt.Println(errors.Is(err, os.ErrClosed))
	fmt.Println(q.Send(43))
	// Output:
	// 42 <nil>
	// true
	// queue: Send: file already closed
}
