//go:build linux && cgo

// Command zeromq receives the messages of a ZeroMQ socket in a Go select, without a
// thread in zmq_poll. It exits with status 1 if it did not see every message, in order.
package main

/*
#cgo pkg-config: libzmq
#include <zmq.h>

const char *address = "tcp://127.0.0.1:*"; // any free port
*/
import "C"

import (
	"fmt"
	"log"
	"syscall"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
)

const messages = 100000

func main() {
	log.SetFlags(0)
	context := C.zmq_ctx_new()
	pull := C.zmq_socket(context, C.ZMQ_PULL)
	check(C.zmq_bind(pull, C.address) == 0)
	var url [256]C.char
	size := C.size_t(len(url))
	check(C.zmq_getsockopt(pull, C.ZMQ_LAST_ENDPOINT, unsafe.Pointer(&url), &size) == 0)
	go push(context, &url[0])

	var fd C.int
	size = C.sizeof_int
	check(C.zmq_getsockopt(pull, C.ZMQ_FD, unsafe.Pointer(&fd), &size) == 0)
	w, err := bridge.Watch(int(fd), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for next := uint32(0); next < messages; {
		var i uint32
		if n, err := C.zmq_recv(pull, unsafe.Pointer(&i), 4, C.ZMQ_DONTWAIT); n >= 0 {
			if i != next {
				log.Fatalf("message %d arrived, want %d", i, next)
			}
			next++
			continue
		} else if err != syscall.EAGAIN {
			log.Fatal(err)
		}
		// Wait only after EAGAIN: ZMQ_FD is not readable for as long as there are messages,
		// but until the next call on the socket (zmq_recv, zmq_send, zmq_getsockopt) takes the
		// news of all of them. With one zmq_recv per wake-up, Rearm would find nothing.
		select {
		case <-w.C():
		case <-deadline:
			log.Fatalf("%d messages arrived, want %d", next, messages)
		}
	}
	fmt.Printf("%d messages arrived in order\n", messages)
	w.Close() // first, since zmq_close closes the descriptor
	C.zmq_close(pull)
	C.zmq_ctx_term(context) // waits until push has closed its socket
}

func push(context unsafe.Pointer, url *C.char) {
	socket := C.zmq_socket(context, C.ZMQ_PUSH)
	defer C.zmq_close(socket)
	check(C.zmq_connect(socket, url) == 0)
	for i := range uint32(messages) {
		check(C.zmq_send(socket, unsafe.Pointer(&i), 4, 0) == 4)
	}
}

func check(ok bool) {
	if !ok {
		log.Fatal(C.GoString(C.zmq_strerror(C.zmq_errno())))
	}
}
