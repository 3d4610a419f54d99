package queue_test

import (
	"context"
	"fmt"

	"github.com/eventchan/eventchan/bridge/queue"
)

// An event is struct event { uint32_t source; float level; } in C.
type event struct {
	Source uint32
	Level  float32
}

// Values arrive in select. Here a goroutine sends them; a C callback does it with
//
//	struct event e = { 1, 0.5f };
//	EVENTCHAN_SEND(handle, e); // the handle is q.Handle()
func Example() {
	q, err := queue.New[event](1024)
	if err != nil {
		fmt.Println(err)
		return
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

// A batch costs one lock, however many values there are.
func ExampleQueue_ReceiveBatch() {
	q, err := queue.New[int64](8)
	if err != nil {
		fmt.Println(err)
		return
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
