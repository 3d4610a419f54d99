//go:build cgo && unix

package callback

/*
#include "eventchan.h"

// A library that wants a result gets 0, as an int, a long or a pointer.
static long signal_and_return(void *handle) { eventchan_signal(handle); return 0; }

static void *signal_address(void) { return (void *)signal_and_return; }

// This has all of the header compiled, which otherwise loses what one signal does
// not need. Therefore this package's object changes whenever the header does, and
// with it internal/chandle, which includes the header from here. Go's build cache
// sees only that chandle imports this package.
__attribute__((used)) static int whole(void *handle, uint64_t n) { return eventchan_add(handle, n); }
*/
import "C"

import "unsafe"

// Signal returns the address of the C function
//
//	long eventchan_signal(void *handle);
//
// which adds 1 to the count of the Notifier, or to the permits of the Semaphore,
// that the handle belongs to, and returns 0, also after Close. It is for C libraries
// that take a callback and a void * to call it with, whether the callback returns
// nothing, an int, a long or a pointer. The handle is that void *:
//
//	C.sensor_start((C.sensor_callback)(callback.Signal()), n.Handle())
//
// Signal returns the same address each time. It exists on Unix with cgo.
//
// The function never blocks and takes no lock. Many threads can call it
// concurrently, and signal handlers can. After Close it does nothing. It leaves
// errno alone and reports no error: it ignores a NULL handle, and a signal that
// arrives while 2^59 others have not been received. A pointer that is not a handle
// ends the process with a message.
//
// It costs one atomic operation. If a goroutine is asleep that has not been signaled
// yet, it costs two more and, unless the goroutine that serves all handles is awake,
// one write(2) and a third.
func Signal() unsafe.Pointer { return C.signal_address() }
