//go:build linux && cgo

// Command callback receives the callbacks of a C library (sensor.h) in a Go
// select, without a callback into Go and without a line of C. The library gets
// a C function of this module and, as the pointer to pass to it, the
// handle of a Notifier. It exits with status 1 if it did not see every sample.
package main

/*
#cgo LDFLAGS: -lpthread
#include "sensor.h"
*/
import "C"

import (
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

const samples = 1000

func main() {
	ready, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer ready.Close()

	// The library's thread never runs Go code: it needs no scheduler, does not wait for
	// garbage collection, and can hold locks that the Go side waits for. It makes one
	// atomic addition, and a write(2) if main is sleeping. The handle does not point into
	// Go's memory, and stays valid if the library calls after Close.
	sensor := C.sensor_start(samples, C.sensor_callback(callback.Signal()), ready.Handle())
	if sensor == nil {
		log.Fatal("the sensor did not start")
	}
	defer C.sensor_stop(sensor)

	read, receives := 0, 0
	deadline := time.After(10 * time.Second)
	for read < samples {
		select {
		case n := <-ready.C(): // n more samples are there
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
