//go:build linux && cgo

// Command values receives the structs that a C library (meter.h) passes to its callback
// in a Go select. They come from two threads and a signal handler, without a call into Go and
// without a lock. It exits with status 1 if it did not see every reading of each
// source, in order.
package main

/*
#cgo CFLAGS: -I${SRCDIR}/../../bridge/callback
#cgo LDFLAGS: -lpthread
#include "eventchan.h"
#include "meter.h"

// This is all the C code that a callback needs. It is async-signal-safe.
static void send_reading(const struct reading *reading, void *queue)
{
	EVENTCHAN_SEND(queue, *reading);
}

static int run(uint32_t count, void *queue) { return meter_run(count, send_reading, queue); }
*/
import "C"

import (
	"fmt"
	"log"
	"syscall"
	"time"

	"github.com/eventchan/eventchan/bridge/queue"
)

const count = 1000

func main() {
	readings, err := queue.New[C.struct_reading](C.METER_SOURCES * count)
	if err != nil {
		log.Fatal(err)
	}
	defer readings.Close()

	failed := make(chan C.int)
	go func() { failed <- C.run(count, readings.Handle()) }()

	var next [C.METER_SOURCES]C.uint32_t
	var watts C.double
	deadline := time.After(10 * time.Second)
	for received := 0; received < C.METER_SOURCES*count; {
		select {
		case r := <-readings.C():
			if r.number != next[r.source] {
				log.Fatalf("source %d: reading %d arrived, want %d", r.source, r.number, next[r.source])
			}
			next[r.source]++
			watts += r.watts
			received++
		case code := <-failed:
			if code != 0 {
				log.Fatal(syscall.Errno(code))
			}
			failed = nil // the threads have ended; what they have sent still arrives
		case <-deadline:
			log.Fatalf("%v readings arrived, want %d of each", next, count)
		}
	}
	fmt.Printf("%d, %d and %d readings of %.0f W arrived, and %d were refused\n",
		next[0], next[1], next[2], float64(watts), readings.Refused())
}
