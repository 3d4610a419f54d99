//go:build unix && !mips && !mipsle && (!arm || arm.7)

package queue_test

import (
	"fmt"
	"log"

	"github.com/eventchan/eventchan/bridge/queue"
)

// The handle is passed to C, for example with C.library_start(handle). A callback of the
// library then calls
//
//	long long v = 42;
//	EVENTCHAN_SEND(handle, v);
//
// Package callback documents how C code gets at eventchan.h. With its function SendAt, no C
// code is needed.
func ExampleQueue_Handle() {
	q, err := queue.New[int64](1024)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	handle := q.Handle()
	if handle == nil {
		log.Fatal("no handle is available")
	}
	fmt.Println(q)
	// Output: Queue(shared)
}
