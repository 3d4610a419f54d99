//go:build linux && cgo

// Command glib lets a GMainLoop signal Go: once by an idle source, several times by a
// timeout, and by a signal of a GObject. It exits with status 1 if one does not arrive.
package main

/*
#cgo pkg-config: gio-2.0
#include <gio/gio.h>

extern long eventchan_signal(void *handle);

// A GSourceFunc that returns 0, as callback.Signal's does, is removed.
gboolean on_timeout(gpointer handle) { return eventchan_signal(handle), G_SOURCE_CONTINUE; }
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

func main() {
	loop := C.g_main_loop_new(nil, 0)
	ended := make(chan struct{})
	go func() {
		C.g_main_loop_run(loop)
		close(ended)
	}()
	idle, timeout, canceled := newNotifier(), newNotifier(), newNotifier()

	C.g_idle_add(C.GSourceFunc(callback.Signal()), C.gpointer(idle.Handle()))

	source := C.g_timeout_add(1, C.GSourceFunc(C.on_timeout), C.gpointer(timeout.Handle()))

	object := C.g_cancellable_new()
	signal := C.CString("cancelled")
	// void (*)(GCancellable *, gpointer), and swapped void (*)(gpointer, GCancellable *)
	C.g_signal_connect_data(C.gpointer(object), signal, C.GCallback(callback.SignalAt(1)), C.gpointer(canceled.Handle()), nil, 0)
	C.g_signal_connect_data(C.gpointer(object), signal, C.GCallback(callback.Signal()), C.gpointer(canceled.Handle()), nil, C.G_CONNECT_SWAPPED)
	C.g_cancellable_cancel(object)
	C.g_free(C.gpointer(unsafe.Pointer(signal)))
	C.g_object_unref(C.gpointer(object))

	var idles, timeouts, cancels uint64
	for late := time.After(time.Minute); idles < 1 || timeouts < 20 || cancels < 2; {
		select {
		case signals := <-idle.C():
			idles += signals
		case signals := <-timeout.C():
			timeouts += signals
		case signals := <-canceled.C():
			cancels += signals
		case <-late:
			log.Fatalf("%d, %d and %d signals", idles, timeouts, cancels)
		}
	}
	C.g_source_remove(source)
	C.g_main_loop_quit(loop)
	<-ended
	idle.Close()
	if signals, pending := idle.TryWait(); pending {
		log.Fatalf("the idle source was called %d times more", signals)
	}
	fmt.Println("idle source once, timeout 20 times, signal of an object twice")
}

func newNotifier() *notify.Notifier {
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	return n
}
