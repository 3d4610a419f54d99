//go:build linux && cgo

// Command libusb watches the descriptors of libusb in a Go select, and receives hotplug
// events as values. It prints the devices that are there, and ends.
package main

/*
#cgo pkg-config: libusb-1.0
#include <libusb.h>
*/
import "C"

import (
	"fmt"
	"log"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
)

func main() {
	var usb *C.libusb_context
	if code := C.libusb_init(&usb); code != 0 {
		fmt.Println("cannot run here: libusb_init:", C.GoString(C.libusb_error_name(code)))
		return
	}
	defer C.libusb_exit(usb)

	hotplug, err := queue.New[callback.Args](256)
	if err != nil {
		log.Fatal(err)
	}
	defer hotplug.Close()
	var registered C.libusb_hotplug_callback_handle
	const arrivedOrLeft = C.LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | C.LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT
	const any = C.LIBUSB_HOTPLUG_MATCH_ANY
	// int (*)(libusb_context *, libusb_device *, libusb_hotplug_event, void *)
	fn := C.libusb_hotplug_callback_fn(callback.SendAt(3))
	if code := C.libusb_hotplug_register_callback(usb, arrivedOrLeft, C.LIBUSB_HOTPLUG_ENUMERATE, any, any, any, fn, hotplug.Handle(), &registered); code != 0 {
		log.Fatal("libusb_hotplug_register_callback: ", C.GoString(C.libusb_error_name(code)))
	}

	ready := make(chan struct{}, 1) // has a value if a descriptor of libusb is ready
	ready <- struct{}{}
	fds := watch(usb, ready)
	defer C.libusb_free_pollfds(fds)

	var list **C.libusb_device
	want := int(C.libusb_get_device_list(usb, &list))
	C.libusb_free_device_list(list, 1)
	devices, handled := 0, 0
	for late := time.After(time.Minute); devices < want || handled == 0; {
		select {
		case <-ready:
			C.libusb_handle_events_timeout_completed(usb, &C.struct_timeval{}, nil)
			handled++
		case args := <-hotplug.C():
			// A device that has arrived is valid until the next libusb_handle_events, at least.
			if device := *(**C.libusb_device)(unsafe.Pointer(&args[1])); C.libusb_hotplug_event(args[2]) == C.LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED {
				fmt.Printf("bus %d, address %d has arrived\n", C.libusb_get_bus_number(device), C.libusb_get_device_address(device))
				devices++
			}
		case <-late:
			log.Fatalf("%d of %d devices have arrived", devices, want)
		}
	}
	fmt.Printf("%d devices\n", devices)
}

// watch watches all descriptors of libusb. They change with the devices that are
// open; libusb_set_pollfd_notifiers reports that.
func watch(usb *C.libusb_context, ready chan<- struct{}) **C.struct_libusb_pollfd {
	fds := C.libusb_get_pollfds(usb)
	n := 0
	for p := fds; *p != nil; p = (**C.struct_libusb_pollfd)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		w, err := bridge.Watch(int((*p).fd), bridge.Events((*p).events))
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			for range w.C() {
				select {
				case ready <- struct{}{}:
				default: // it has a value already
				}
			}
		}()
		n++
	}
	fmt.Printf("%d descriptors\n", n)
	return (**C.struct_libusb_pollfd)(fds)
}
