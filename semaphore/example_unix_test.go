//go:build unix && !mips && !mipsle && (!arm || arm.7)

package semaphore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventchan/eventchan/semaphore"
)

// A C library releases permits from a thread of its own. It gets the handle as the void * of its
// callback, which calls eventchan_add(handle, 3).
func ExampleSemaphore_Handle() {
	s, err := semaphore.New(0)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	handle := s.Handle()
	if handle == nil {
		log.Fatal("handles are not available")
	}
	startLibrary(handle) // C.start_library(handle)
	fmt.Println(s.Acquire(context.Background(), 3))
	// Output: <nil>
}
