// Package callback lets C code in the same process signal a Notifier or a Semaphore with
// one atomic operation and without calling into Go: from any thread, while holding locks,
// in a signal handler, or in a real-time thread.
//
// Pass n.Handle() or s.Handle() to C, which then calls the functions of the header-only
// library eventchan.h:
//
//	int  eventchan_add(void *handle, uint64_t n); // returns 0, EBADF after Close, or EAGAIN
//	void eventchan_signal(void *handle);          // adds 1
//
// To send values instead of counts, see package queue. Its C functions are in the same
// header.
//
// # Callbacks of C libraries
//
// If a C library passes a void * of the caller's to its callback, you need no C code:
// register a function of this package as the callback and the handle as that pointer.
//
//   - Use [Signal] if the pointer is the first or only argument of the callback.
//   - Use [SignalAt] if it is another argument.
//   - Use [SendAt] to receive the arguments of the callback as a value of a Queue.
//
// If the type of the callback has no name, pass (*[0]byte)(callback.Signal()): cgo accepts
// it for every function pointer type.
//
// # C code of your own
//
// In a program that imports this package, declare the functions that you use in the cgo
// preamble:
//
//	#include <stdint.h>
//	extern int eventchan_add(void *handle, uint64_t n);
//	extern long eventchan_signal(void *handle);
//	extern int eventchan_send(void *queue, const void *value, size_t size);
//
// With the header instead of the declarations, the compiler can inline the functions,
// eventchan_reserve and eventchan_commit are available, and you can build C libraries that
// are not part of a Go program. Do not use both in the same file.
//
// The header is for C99 or C++11 and later. Copy it next to your Go files, where the cgo
// preamble and C files can #include it:
//
//	install -m 644 "$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)/eventchan.h" .
//
// Use install, not cp, because files in the module cache are read-only. If your module has
// a vendor directory without this package, add -mod=mod to go list. To build without a
// copy, add the directory to the include path:
//
//	CGO_CFLAGS="-O2 -g -I$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)" go build
//
// (Setting CGO_CFLAGS replaces its default, which is -O2 -g.)
//
// Copies of the header from different versions work together if they have the same layout
// of a handle. A copy with another layout than the Go side is detected: the first signal
// aborts the process with a message.
//
// # Other processes
//
// A handle is an address, so it is valid in this process only. Other processes and the
// kernel write to the eventfd instead: see the methods FD and File of both types.
package callback
