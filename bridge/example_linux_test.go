package bridge_test

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/bridge"
)

func ExampleWatcher() {
	r, w, err := os.Pipe() // or any descriptor, of Go, C or the kernel
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	watcher, err := bridge.Watch(int(r.Fd()), bridge.Readable)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer watcher.Close()
	fmt.Fprint(w, "hello")
	fmt.Println(<-watcher.C())
	w.Close()
	fmt.Println(<-watcher.C())
	// Output:
	// Readable
	// Readable|HangUp
}

func ExampleEvents() {
	events := bridge.Readable | bridge.HangUp
	if events&bridge.HangUp != 0 {
		fmt.Println(events)
	}
	// Output: Readable|HangUp
}
