package bridge_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// One goroutine serves all members: an event loop.
func ExampleSet() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	for _, name := range []string{"left", "right"} {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			log.Fatal(err)
		}
		defer unix.Close(fd)
		defer set.Remove(fd) // runs before Close
		if err := set.Add(fd, bridge.Readable, name); err != nil {
			log.Fatal(err)
		}
		if name == "right" {
			unix.Write(fd, binary.NativeEndian.AppendUint64(nil, 1))
		}
	}

	ready := make([]bridge.Event[string], 10)
	n, err := set.Wait(context.Background(), ready)
	for _, event := range ready[:n] {
		fmt.Println(event.Key, event.Events, err)
	}
	// Output: right Readable <nil>
}

// A key can be anything, for example the function that handles the events.
func ExampleNewSet() {
	set, err := bridge.NewSet[func(bridge.Events)]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	handler := func(events bridge.Events) { fmt.Println("handling", events) }
	if err := set.Add(fd, bridge.Readable, handler); err != nil {
		log.Fatal(err)
	}

	ready := make([]bridge.Event[func(bridge.Events)], 10)
	for _, event := range ready[:set.Poll(ready)] {
		event.Key(event.Events)
	}
	// Output: handling Readable
}

// A descriptor can be a member only once, whatever its key.
func ExampleSet_Add() {
	set, err := bridge.NewSet[int]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)

	fmt.Println(set.Add(fd, bridge.Readable, 1))
	err = set.Add(fd, bridge.Writable, 2)
	fmt.Println(errors.Is(err, os.ErrExist))
	// Output:
	// <nil>
	// true
}

// Setting the events to 0 silences a member that is not going to be served for a while.
func ExampleSet_Change() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	if err := set.Add(fd, bridge.Readable, "timer"); err != nil {
		log.Fatal(err)
	}

	ready := make([]bridge.Event[string], 10)
	fmt.Println(set.Poll(ready))
	if err := set.Change(fd, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Poll(ready))
	// Output:
	// 1
	// 0
}

// A descriptor is removed before it is closed.
func ExampleSet_Remove() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	if err := set.Add(fd, bridge.Readable, "timer"); err != nil {
		log.Fatal(err)
	}

	fmt.Println(set)
	if err := set.Remove(fd); err != nil {
		log.Fatal(err)
	}
	unix.Close(fd)
	fmt.Println(set)
	// Output:
	// Set(1 descriptors)
	// Set(0 descriptors)
}

// Ready members take turns if there are more than fit in dst.
func ExampleSet_Poll() {
	set, err := bridge.NewSet[int]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	for key := range 3 {
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			log.Fatal(err)
		}
		defer unix.Close(fd)
		if err := set.Add(fd, bridge.Readable, key); err != nil {
			log.Fatal(err)
		}
	}

	sum, ready := 0, make([]bridge.Event[int], 1)
	for range 3 { // each member comes once
		n := set.Poll(ready)
		sum += ready[0].Key
		fmt.Println(n, ready[0].Events)
	}
	fmt.Println("0 + 1 + 2 =", sum)
	// Output:
	// 1 Readable
	// 1 Readable
	// 1 Readable
	// 0 + 1 + 2 = 3
}

// Wait blocks until a member is ready or the context is done.
func ExampleSet_Wait() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	if err := set.Add(fd, bridge.Readable, "timer"); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()

	ready := make([]bridge.Event[string], 10)
	fmt.Println(set.Wait(ctx, ready))
	// Output: 0 context canceled
}

// C is for a select statement. After receiving from it, call Poll.
func ExampleSet_C() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	if err := set.Add(fd, bridge.Readable, "timer"); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	ready := make([]bridge.Event[string], 10)
	select {
	case <-set.C():
		for _, event := range ready[:set.Poll(ready)] {
			fmt.Println(event.Key, event.Events)
		}
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output: timer Readable
}

// Close wakes the goroutines that are blocked in Wait.
func ExampleSet_Close() {
	set, err := bridge.NewSet[string]()
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := set.Wait(context.Background(), make([]bridge.Event[string], 1))
		done <- err
	}()
	set.Close()
	fmt.Println(<-done)
	// Output: bridge: Set.Wait: file already closed
}
