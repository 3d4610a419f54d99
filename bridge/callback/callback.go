//go:build cgo && linux

package callback

/*
#include "eventchan.h"

static void *signal_address(void) { return (void *)eventchan_signal; }

// This has all of the header compiled, which otherwise loses what one signal does
// not need. So this package's object changes whenever the header does, and Go's build
// cache, which cannot see that internal/chandle includes the header from here, but
// that it imports this package, builds that again too.
__attribute__((used)) static int whole(void *handle, uint64_t n) { return eventchan_add(handle, n); }
*/
import "C"

import "unsafe"

// Signal returns the address of the C function
//
//	void eventchan_signal(void *handle);
//
// which adds 1 to the count of the Notifier, or to the permits of the Semaphore,
// that the handle belongs to. It is for C libraries that take a callback and a
// void * to call it with; the handle is that void *:
//
//	C.sensor_start((C.sensor_callback)(callback.Signal()), n.Handle())
//
// The function never blocks and takes no lock. It costs one atomic step, and one
// write(2) if a goroutine sleeps that has not been signalled yet. It may be called
// by many threads at once, by signal handlers, and after Close, when it does
// nothing. It leaves errno alone and reports no error: a NULL handle is ignored,
// and so is a signal while 2^60 others have not been received.
//
// Signal returns the same address each time. It exists on Linux with cgo.
func Signal() unsafe.Pointer { return C.signal_address() }
