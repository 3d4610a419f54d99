// Package callback lets C code signal a Notifier or a Semaphore of this process
// at the cost of one atomic operation, without calling Go: from any thread, with any
// locks held, in a signal handler, in a real-time thread.
//
// C code gets a handle, n.Handle() or s.Handle(), and passes it to the functions in
// eventchan.h, a header that needs no library:
//
//	int  eventchan_add(void *handle, uint64_t n); // 0, or EBADF after Close, or EAGAIN
//	void eventchan_signal(void *handle);          // add 1
//
// Values instead of counts: see package queue, whose C functions are in the same
// header. A C file that does not use them gets none of their code.
//
// # A callback of a C library
//
// A library that calls back with a void * of the user's does not need any C code:
// give it a function of this package and the handle as that pointer.
//
//   - [Signal]: the pointer is the first argument, or the only one
//   - [SignalAt]: it is another argument
//   - [SendAt]: the arguments of the callback arrive as a value of a Queue
//
// Where the type of the callback has no name, (*[0]byte)(callback.Signal()) is any
// function pointer to cgo.
//
// # C code of your own
//
// In a program that imports this package, a line in the cgo preamble is enough for
// each function that is used:
//
//	extern int eventchan_add(void *handle, uint64_t n);
//	extern long eventchan_signal(void *handle);
//	extern int eventchan_send(void *queue, const void *value, size_t size);
//
// The header has more: the compiler can inline it, it has eventchan_reserve and
// eventchan_commit, and C libraries can be built with it that are not part of a Go
// program. It must not be included where those lines are.
//
// The header, for C99 or C++11 and later, is meant to be copied into your tree:
//
//	install -m 644 "$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)/eventchan.h" .
//
// If it is in the folder of a Go file, the cgo preamble and the C files there can
// #include it. (A copy made by cp would be read-only, as all files in the module
// cache are.) A build without a copy must name the folder, which a #cgo line cannot
// find out:
//
//	CGO_CFLAGS="-I$(go list -f '{{.Dir}}' github.com/eventchan/eventchan/bridge/callback)" go build
//
// A copy of another layout than that of the Go side is recognized: the first signal
// ends the process with a message. Copies of the same layout work with each other.
//
// # When to write to the descriptor instead
//
// A handle is an address, which is valid in this process only. Other processes and
// the kernel write to the eventfd: see FD and File of both types.
package callback
