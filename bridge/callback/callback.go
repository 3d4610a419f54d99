//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

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
// which adds 1 to the count of the Notifier or to the permits of the Semaphore, and
// returns 0. It is for C libraries that take a callback and a void * argument for it,
// whether the callback returns nothing, an int, a long or a pointer. Pass the handle as
// that argument:
//
//	C.sensor_start((C.sensor_callback)(callback.Signal()), n.Handle())
//
// Signal returns the same address each time. It is available on Unix systems with cgo, on processors on
// which there are handles: not on mips, mipsle, and arm before v7.
//
// The C function never blocks, takes no lock, and leaves errno unchanged. Any number of
// threads and signal handlers can call it concurrently. It reports no error: after Close,
// or if the handle is NULL, it does nothing, and if 2^59 signals are already pending, the
// signal is dropped. If the pointer is not a handle, the process aborts with a message.
//
// The C function costs one atomic operation. If a goroutine is asleep and has not been
// signaled yet, it costs two more; and one write(2) and another atomic operation unless
// the goroutine that serves all handles is awake.
func Signal() unsafe.Pointer { return SignalAt(0) }

// SignalAt returns the address of a C function like that of [Signal], but one that expects
// the handle as argument i of the callback. i is from 0 to 5:
//
//	// The callback is an int (*)(jack_nframes_t, void *).
//	C.jack_set_buffer_size_callback(client, (C.JackBufferSizeCallback)(callback.SignalAt(1)), n.Handle())
//
// Only integer and pointer arguments count. The callback can have any number of them, and up
// to eight arguments of type float or double between them, because those are passed in other
// registers. A long double or a struct that comes before the handle can take registers of both
// kinds, and must not be there. That holds on amd64, arm64, loong64 and riscv64. On other
// processors SignalAt panics unless i is 0. It also panics if i is not from 0 to 5.
func SignalAt(i int) unsafe.Pointer {
	check("SignalAt", i, i == 0)
	return C.eventchan_go_signal_at(C.int(i))
}

// Args are the first six integer or pointer arguments of a C callback. Elements beyond the
// callback's arguments are unspecified, and so are the upper bits of a narrower argument:
// convert an int argument to int32 before use. A pointer is valid only for as long as the
// library says, which is often until the callback returns.
type Args [6]uintptr

// SendAt returns the address of a C function that sends its arguments, as [Args], to the
// Queue[Args] whose handle is argument i of the callback, and returns 0. i is from 0 to 5.
//
//	q, err := queue.New[callback.Args](1024)
//	// void (*)(void *user, int operation, const char *database, const char *table, sqlite3_int64 row)
//	C.sqlite3_update_hook(db, (*[0]byte)(callback.SendAt(0)), q.Handle())
//	args := <-q.C() // args[1] is the operation, args[4] the row
//
// [SignalAt] documents which arguments count, and on which processors. On other processors
// SendAt panics. It also panics if i is not from 0 to 5.
//
// The C function never blocks and takes no lock. Any number of threads and signal handlers
// can call it concurrently. It reports no error: if the queue is full, the value is dropped
// and counted by Refused, and after Close the value is dropped. If the pointer is not the handle of a
// Queue, or if its values have another size than Args, the process aborts with a message.
//
// The C function costs as much as eventchan_send of 48 bytes.
func SendAt(i int) unsafe.Pointer {
	check("SendAt", i, false)
	return C.eventchan_go_send_at(C.int(i))
}

// check panics unless i is valid and this processor passes argument i where the C
// functions expect it. If anywhere is set, the latter does not matter.
func check(call string, i int, anywhere bool) {
	if i < 0 || i > 5 {
		panic(fmt.Sprintf("callback: %s(%d): argument number out of range", call, i))
	}
	switch runtime.GOARCH {
	case "amd64", "arm64", "loong64", "riscv64":
	default:
		if !anywhere {
			panic(fmt.Sprintf("callback: %s(%d): unsupported on %s", call, i, runtime.GOARCH))
		}
	}
}
