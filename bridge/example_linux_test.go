package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

// The descriptor of an os.File is watched within Control. Its method Fd must not be used,
// because it puts the descriptor into blocking mode. A descriptor from C code is simply
// passed to Watch.
func ExampleWatch() {
	r, w, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	conn, err := r.SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	var watcher *bridge.Watcher
	conn.Control(func(fd uintptr) { watcher, err = bridge.Watch(int(fd), bridge.Readable) })
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	fmt.Fprint(w, "hello")
	fmt.Println(<-watcher.C())
	// Output: Readable
}

// A goroutine waits for a descriptor and for a timer at the same time.
func ExampleWatcher() {
	var pipe [2]int // stands for a descriptor of a C library
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		log.Fatal(err)
	}
	defer unix.Close(pipe[0])
	watcher, err := bridge.Watch(pipe[0], bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	unix.Close(pipe[1])
	select {
	case events := <-watcher.C():
		fmt.Println(events)
	case <-time.After(time.Minute):
		fmt.Println("nothing has happened")
	}
	// Output: HangUp
}

// After receiving from C, the descriptor is read until it would block. Otherwise the data
// left unread would not trigger another event.
func ExampleWatcher_C() {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		log.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	watcher, err := bridge.Watch(pipe[0], bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	unix.Write(pipe[1], []byte("ready"))
	events := <-watcher.C()
	buf := make([]byte, 2)
	for {
		n, err := unix.Read(pipe[0], buf)
		if err != nil {
			fmt.Println(err == unix.EAGAIN)
			break
		}
		fmt.Printf("%v %s\n", events, buf[:n])
	}
	// Output:
	// Readable re
	// Readable ad
	// Readable y
	// true
}

// Wait returns immediately while the descriptor is ready, and otherwise blocks.
func ExampleWatcher_Wait() {
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	watcher, err := bridge.Watch(fd, bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	fmt.Println(watcher.Wait(ctx))
	fmt.Println(watcher.Wait(ctx))
	unix.Read(fd, make([]byte, 8)) // now it would block
	cancel()
	fmt.Println(watcher.Wait(ctx))
	// Output:
	// Readable <nil>
	// Readable <nil>
	// 0x0 context canceled
}

// A receiver that leaves data unread calls Rearm to be notified again.
func ExampleWatcher_Rearm() {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		log.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	watcher, err := bridge.Watch(pipe[0], bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	unix.Write(pipe[1], []byte("ready"))
	for range 2 {
		events := <-watcher.C()
		buf := make([]byte, 3)
		n, _ := unix.Read(pipe[0], buf)
		fmt.Printf("%v %s\n", events, buf[:n])
		if err := watcher.Rearm(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// Readable rea
	// Readable dy
}

// A sender asks for Writable only while it has data to send.
func ExampleWatcher_Change() {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		log.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	watcher, err := bridge.Watch(pipe[1], 0)
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()

	if err := watcher.Change(bridge.Writable); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-watcher.C())
	if err := watcher.Change(0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(watcher.C()))
	// Output:
	// Writable
	// 0
}

// Close ends the Watcher. The descriptor stays open.
func ExampleWatcher_Close() {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	watcher, err := bridge.Watch(fd, bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(watcher.Close())
	_, open := <-watcher.C()
	fmt.Println(open)
	fmt.Println(errors.Is(watcher.Close(), os.ErrClosed))
	// Output:
	// <nil>
	// false
	// true
}

func ExampleEvents() {
	events := bridge.Readable | bridge.HangUp
	if events&bridge.HangUp != 0 {
		fmt.Println(events)
	}
	// Output: Readable|HangUp
}
