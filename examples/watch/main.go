//go:build linux

// Command watch receives the readiness of descriptors that are not eventfds: an
// inotify descriptor, and the kernel's alarm for CPU pressure, which is a
// priority event. It exits with status 1 if it did not see what it should.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

func main() {
	log.SetFlags(0)
	folder, err := os.MkdirTemp("", "watch")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	inotify, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		log.Fatal(os.NewSyscallError("inotify_init1", err))
	}
	defer unix.Close(inotify) // the program owns it; the Watcher only watches it
	if _, err := unix.InotifyAddWatch(inotify, folder, unix.IN_CREATE); err != nil {
		log.Fatal(os.NewSyscallError("inotify_add_watch", err))
	}
	w, err := bridge.Watch(inotify, bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	want := []string{"one", "two", "three"}
	go create(folder, want)
	var got []string
	deadline := time.After(10 * time.Second)
	for len(got) < len(want) {
		select {
		case <-w.C():
			got = append(got, created(inotify)...)
		case <-deadline:
			log.Fatalf("inotify reported %q, want %q", got, want)
		}
	}
	fmt.Printf("inotify: files %q were created\n", got)
	if !slices.Equal(got, want) {
		log.Fatalf("want %q", want)
	}
	pressure()
}
