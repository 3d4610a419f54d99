//go:build linux && cgo

// Command nng answers the requests to an NNG socket in a select: callback.Signal is the
// callback of the socket's operations. It exits with status 1 if an answer was wrong.
package main

/*
#cgo LDFLAGS: -lnng
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

const char *url = "inproc://squares"; // or ipc:// or tcp://
*/
import "C"

import (
	"fmt"
	"log"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

const requests = 20000

func main() {
	log.SetFlags(0)
	done, _ := notify.New() // the error is always nil
	defer done.Close()
	var socket C.nng_socket
	var aio *C.nng_aio
	check(C.nng_rep0_open(&socket))
	defer C.nng_close(socket)
	check(C.nng_listen(socket, C.url, nil, 0))
	check(C.nng_aio_alloc(&aio, (*[0]byte)(callback.Signal()), done.Handle()))
	defer C.nng_aio_free(aio) // it waits for a callback that is running
	answered := make(chan bool)
	go ask(answered)

	deadline := time.After(time.Minute)
	for receive := true; ; receive = !receive {
		if receive {
			C.nng_recv_aio(socket, aio)
		} else {
			C.nng_send_aio(socket, aio)
		}
		select {
		case <-done.C(): // one signal per operation, of which there is one at a time
			check(C.nng_aio_result(aio))
			if receive {
				number := (*uint64)(C.nng_msg_body(C.nng_aio_get_msg(aio)))
				*number *= *number // and the message is the answer
			}
		case <-answered:
			fmt.Printf("%d requests answered\n", requests)
			return
		case <-deadline:
			log.Fatal("not all requests were answered")
		}
	}
}

// ask is the other side, which blocks in each call.
func ask(answered chan<- bool) {
	var socket C.nng_socket
	check(C.nng_req0_open(&socket))
	check(C.nng_dial(socket, C.url, nil, 0))
	for i := range uint64(requests) {
		answer, size := uint64(0), C.size_t(8)
		check(C.nng_send(socket, unsafe.Pointer(&i), 8, 0))
		check(C.nng_recv(socket, unsafe.Pointer(&answer), &size, 0))
		if answer != i*i {
			log.Fatalf("the answer to %d is %d", i, answer)
		}
	}
	answered <- true
}

func check(code C.int) {
	if code != 0 {
		log.Fatal(C.GoString(C.nng_strerror(code)))
	}
}
