//go:build linux && cgo

// Command callback lets the callbacks of a C library (sensor.h) arrive in a Go
// select, without a callback into Go: the function that the library calls from
// its own thread is C, and does nothing but write to an eventfd. It exits with
// status 1 if it did not see every sample.
package main

/*
#cgo LDFLAGS: -lpthread
#include <stdint.h>
#include <unistd.h>
#include "sensor.h"

// The library's thread never runs Go: it needs no scheduler, waits for no
// garbage collection, and may hold locks that Go's side waits for. The write
// fails only at a count of 2^64-2.
static void add_one(void *user)
{
	uint64_t one = 1;

	if (write((intptr_t)user, &one, sizeof one) != sizeof one)
		_exit(1);
}

// The void * is the descriptor itself, so no pointer into Go's memory is kept in C.
static sensor *start(int count, int fd)
{
	return sensor_start(count, add_one, (void *)(intptr_t)fd);
}
*/
import "C"

import (
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/notify"
)

const samples = 1000

func main() {
	ready, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer ready.Close() // after the library's thread has ended, which writes to it

	sensor := C.start(samples, C.int(ready.FD()))
	if sensor == nil {
		log.Fatal("the sensor did not start")
	}
	defer C.sensor_stop(sensor)

	read, receives := 0, 0
	deadline := time.After(10 * time.Second)
	for read < samples {
		select {
		case n := <-ready.C(): // so many samples are there
			receives++
			for range n {
				var sample C.int
				if C.sensor_read(sensor, &sample) == 0 || int(sample) != read {
					log.Fatalf("callback %d: no sample, or the wrong one", read)
				}
				read++
			}
		case <-deadline:
			log.Fatalf("%d callbacks arrived, want %d", read, samples)
		}
	}
	fmt.Printf("%d callbacks of a C thread arrived in %d receives\n", read, receives)
}
