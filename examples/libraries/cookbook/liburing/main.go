//go:build linux && cgo

// Command liburing receives the completions of an io_uring in a Go select. The kernel
// signals the Notifier by its descriptor. It exits with status 1 if a completion does
// not arrive.
package main

/*
#cgo pkg-config: liburing
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
*/
import "C"

import (
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/notify"
)

const (
	entries  = 64
	requests = 10_000
)

func main() {
	ring := (*C.struct_io_uring)(C.calloc(1, C.sizeof_struct_io_uring))
	if code := C.io_uring_queue_init(entries, ring, 0); code != 0 {
		fmt.Println("cannot run here: io_uring_setup:", C.GoString(C.strerror(-code)))
		return
	}
	defer C.io_uring_queue_exit(ring)
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	if code := C.io_uring_register_eventfd(ring, C.int(n.FD())); code != 0 {
		log.Fatal("io_uring_register_eventfd: ", C.GoString(C.strerror(-code)))
	}

	signals, done, prepared := uint64(0), 0, 0
	for late := time.After(time.Minute); done < requests; {
		for ; prepared < requests && prepared-done < entries; prepared++ {
			C.io_uring_prep_nop(C.io_uring_get_sqe(ring))
		}
		C.io_uring_submit(ring)
		select {
		case k := <-n.C():
			signals += k
		case <-late:
			log.Fatalf("%d completions of %d", done, requests)
		}
		var cqe *C.struct_io_uring_cqe
		for C.io_uring_peek_cqe(ring, &cqe) == 0 {
			done++
			C.io_uring_cqe_seen(ring, cqe)
		}
	}
	fmt.Printf("%d completions\n", done)
	if signals > requests {
		log.Fatalf("%d signals for %d completions", signals, done)
	}
}
