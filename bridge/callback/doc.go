// Package callback lets C code signal a Notifier or a Semaphore of this process
// at the price of one atomic step, without calling Go: from any thread, under any
// lock, in a signal handler, in a real-time thread.
//
// C gets a handle, n.Handle() or s.Handle(), and calls for it what is in
// eventchan.h, a header with nothing behind it:
//
//	int  eventchan_add(void *handle, uint64_t n); // 0, or EBADF after Close, or EAGAIN
//	void eventchan_signal(void *handle);          // add 1
//
// # A callback of a C library
//
// A library that calls back with a void * of the user's needs no C to be written:
// give it [Signal] as the function and the handle as that pointer.
//
// # C code of your own
//
// The header, C11 and C++11, is meant to be copied into your tree:
//
//	install -m 644 "$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)/eventchan.h" .
//
// Beside a Go file, its cgo preamble and the C files there then #include it. (A
// copy by cp would be read-only, as all files in the module cache are.) A build
// without a copy has to name the folder, which a #cgo line cannot find out:
//
//	CGO_CFLAGS="-I$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)" go build
//
// All copies in a process, of whatever version, work with each other: the layout
// is fixed.
//
// # When to write to the descriptor instead
//
// A handle is an address, so it is good for this process alone. Other processes
// and the kernel write to the eventfd: see FD and File of both types.
package callback
