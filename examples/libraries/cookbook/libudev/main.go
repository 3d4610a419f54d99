//go:build linux && cgo

// Command libudev receives the kernel's device events in a Go select. As root, it causes
// some itself. It exits with status 1 if one does not arrive.
package main

/*
#cgo pkg-config: libudev
#include <libudev.h>
*/
import "C"

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/eventchan/eventchan/bridge"
)

const (
	device = "/sys/devices/virtual/mem/null"
	events = 10
)

func main() {
	udev := C.udev_new()
	// "kernel" does not need udevd; "udev" has the events that udevd has passed on.
	monitor := C.udev_monitor_new_from_netlink(udev, C.CString("kernel"))
	if monitor == nil || C.udev_monitor_enable_receiving(monitor) != 0 {
		log.Fatal("libudev cannot listen")
	}
	w, err := bridge.Watch(int(C.udev_monitor_get_fd(monitor)), bridge.Readable)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for range events {
		if err := os.WriteFile(device+"/uevent", []byte("change"), 0); err != nil {
			fmt.Println("cannot run here:", err)
			return
		}
	}

	received := 0
	for late := time.After(time.Minute); received < events; {
		select {
		case <-w.C():
		case <-late:
			log.Fatalf("%d events of %d", received, events)
		}
		for d := C.udev_monitor_receive_device(monitor); d != nil; d = C.udev_monitor_receive_device(monitor) {
			if "/sys"+C.GoString(C.udev_device_get_devpath(d)) == device {
				received++
			}
			C.udev_device_unref(d)
		}
	}
	fmt.Printf("%d events\n", received)
}
