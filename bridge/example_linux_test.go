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

func ExampleSet() {
	pipes := make(map[string]*os.File)
	set, err := bridge.NewSet[string]()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer set.Close()
	for _, name := range []string{"left", "right"} {
		r, w, err := os.Pipe() // or any descriptors
		if err != nil {
			fmt.Println(err)
			return
		}
		defer r.Close()
		defer set.Remove(int(r.Fd())) // before it is closed
		if err := set.Add(int(r.Fd()), bridge.Readable, name); err != nil {
			fmt.Println(err)
			return
		}
		pipes[name] = w
	}
	fmt.Fprint(pipes["right"], "hello")
	ready := make([]bridge.Event[string], 10)
	<-set.C() // in a select, or else set.Wait
	for _, event := range ready[:set.Poll(ready)] {
		fmt.Println(event.Key, event.Events)
	}
	// Output: right Readable
}

func ExampleEvents() {
	events := bridge.Readable | bridge.HangUp
	if events&bridge.HangUp != 0 {
		fmt.Println(events)
	}
	// Output: Readable|HangUp
}
