//go:build unix && !mips && !mipsle && (!arm || arm.7)

package notify_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eventchan/eventchan/notify"
)

// A C library signals from a thread of its own. It gets the handle as the void * of its callback,
// which calls eventchan_add(handle, 3). See package callback for libraries that call
// eventchan_signal without any C code of yours.
func ExampleNotifier_Handle() {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	handle := n.Handle()
	if handle == nil {
		log.Fatal("handles are not available")
	}
	startLibrary(handle) // C.start_library(handle)
	fmt.Println(n.Wait(context.Background()))
	// Output: 3 <nil>
}
