//go:build cgo && unix

package callback

// #include "symbols.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"
)

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
func Signal() unsafe.Pointer { return SignalAt(0) }

// SignalAt returns the address of a C function that does what that of [Signal] does,
// and finds the handle in argument i of its callback, from 0 to 5:
//
//	C.jack_on_event(client, (C.event_callback)(callback.SignalAt(2)), n.Handle()) // void (*)(int, int, void *)
//
// Only arguments that are integers or pointers count. The function can be used for
// callbacks with any number of them, and of floating-point arguments between them,
// because they are passed in registers of their own kind. That holds on amd64, arm64,
// loong64 and riscv64; on other processors SignalAt panics unless i is 0. It also
// panics if i is not one of 0 to 5.
func SignalAt(i int) unsafe.Pointer {
	check("SignalAt", i, i == 0)
	return C.eventchan_go_signal_at(C.int(i))
}

// Args are the first six integer or pointer arguments of a C callback. What the
// callback has no argument for has any value, and so have the upper bits of an argument
// that is narrower: convert an int to int32 before use. A pointer is only good for as
// long as the library says, which often means during the callback.
type Args [6]uintptr

// SendAt returns the address of a C function that sends its arguments, as [Args], to
// the Queue[Args] whose handle is argument i, from 0 to 5, and returns 0, also after
// Close. Values that find the queue full are dropped, and its Refused counts them.
//
//	q, err := queue.New[callback.Args](1024)
//	// void (*)(void *user, int operation, const char *database, const char *table, sqlite3_int64 row)
//	C.sqlite3_update_hook(db, (*[0]byte)(callback.SendAt(0)), q.Handle())
//	args := <-q.C() // args[1] is the operation, args[4] the row
//
// Which arguments count, and on which processors, is said at [SignalAt]; on others
// SendAt panics. The function never blocks, and many threads and signal handlers can
// call it concurrently. A queue of other values ends the process with a message, and
// so does a pointer that is not the handle of a queue. It costs what eventchan_send
// of 48 bytes costs.
func SendAt(i int) unsafe.Pointer {
	check("SendAt", i, false)
	return C.eventchan_go_send_at(C.int(i))
}

// check panics unless arguments 0 to i are found where C functions look for them, or
// it does not matter.
func check(call string, i int, anywhere bool) {
	if i < 0 || i > 5 {
		panic(fmt.Sprintf("callback: %s(%d): the argument is not one of 0 to 5", call, i))
	}
	switch runtime.GOARCH {
	case "amd64", "arm64", "loong64", "riscv64":
	default:
		if !anywhere {
			panic(fmt.Sprintf("callback: %s(%d) is not possible on %s", call, i, runtime.GOARCH))
		}
	}
}
