//go:build linux && cgo

// Command sdbus receives signals of a D-Bus in a Go select, through sd-bus. It connects
// to the session bus twice, and exits with status 1 if what one connection sends does
// not arrive at the other.
package main

/*
#cgo pkg-config: libsystemd
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

// sd_bus_emit_signal is variadic, which cgo cannot call.
static int ping(sd_bus *bus, unsigned i) { return sd_bus_emit_signal(bus, "/", "com.example.Eventchan", "Ping", "u", i); }
*/
import "C"

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/notify"
)

const pings = 1000

var ctx, cancel = context.WithTimeout(context.Background(), time.Minute)

// open connects to the session bus.
func open() *C.sd_bus {
	var bus *C.sd_bus
	if code := C.sd_bus_open_user(&bus); code < 0 {
		log.Fatal("sd_bus_open_user: ", C.GoString(C.strerror(-code)))
	}
	return bus
}

func main() {
	defer cancel()
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()

	bus := open()
	match := C.CString("type='signal',interface='com.example.Eventchan'")
	// int (*)(sd_bus_message *, void *, sd_bus_error *); the result 0 lets other matches see the message
	C.sd_bus_add_match(bus, nil, match, C.sd_bus_message_handler_t(callback.SignalAt(1)), n.Handle())
	w, err := bridge.Watch(int(C.sd_bus_get_fd(bus)), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	go func() {
		other := open()
		for i := range pings {
			C.ping(other, C.unsigned(i))
		}
		C.sd_bus_flush(other)
	}()
	for got := uint64(0); got < pings; {
		for C.sd_bus_process(bus, nil) > 0 {
		}
		select {
		case <-w.C():
		case signals := <-n.C():
			got += signals
		case <-ctx.Done():
			log.Fatalf("%d of %d signals: %v", got, pings, ctx.Err())
		}
	}
	fmt.Printf("%d signals\n", pings)
}
