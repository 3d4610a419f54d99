//go:build linux && cgo

// Command zeromq receives the messages of a ZeroMQ socket, at the URL that is its argument,
// in a Go select. It exits with status 1 if it did not see every message, in order.
package main

/*
#cgo pkg-config: libzmq
#include <zmq.h>
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
)

const messages = 100000

func main() {
	context, url := C.zmq_ctx_new(), C.CString(os.Args[1])
	pull := C.zmq_socket(context, C.ZMQ_PULL)
	must(func() (rc C.int, err error) { rc, err = C.zmq_bind(pull, url); return })
	go push(C.zmq_socket(context, C.ZMQ_PUSH), url)

	fd, size := C.int(-1), C.size_t(C.sizeof_int)
	must(func() (rc C.int, err error) {
		rc, err = C.zmq_getsockopt(pull, C.ZMQ_FD, unsafe.Pointer(&fd), &size)
		return
	})
	w, err := bridge.Watch(int(fd), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	for next, deadline := uint32(0), time.After(time.Minute); next < messages; {
		var i uint32
		if n, err := C.zmq_recv(pull, unsafe.Pointer(&i), 4, C.ZMQ_DONTWAIT); n >= 0 {
			if i != next {
				log.Fatalf("message %d arrived, want %d", i, next)
			}
			next++
		} else if err == syscall.EAGAIN {
			// Wait only after EAGAIN: ZMQ_FD is not readable for as long as there are messages,
			// but until the next call on the socket (zmq_recv, zmq_send, zmq_getsockopt) takes
			// the news of all of them. With one zmq_recv per wake-up, Rearm would find nothing.
			select {
			case <-w.C():
			case <-deadline:
				log.Fatalf("%d messages arrived, want %d", next, messages)
			}
		} else if err != syscall.EINTR {
			log.Fatal(err)
		}
	}
	fmt.Printf("%d messages arrived in order\n", messages)
	w.Close() // first, since zmq_close closes the descriptor
	C.zmq_close(pull)
}

func push(socket unsafe.Pointer, url *C.char) {
	must(func() (rc C.int, err error) { rc, err = C.zmq_connect(socket, url); return })
	for i := range uint32(messages) {
		must(func() (n C.int, err error) { n, err = C.zmq_send(socket, unsafe.Pointer(&i), 4, 0); return })
	}
}

// must repeats what a signal interrupts: Go's runtime sends signals to its threads.
func must(call func() (C.int, error)) {
	for rc, err := call(); rc < 0; rc, err = call() {
		if err != syscall.EINTR {
			log.Fatal(err)
		}
	}
}
