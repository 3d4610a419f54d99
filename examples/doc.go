// Package examples has a program in each folder. Run it with
// "go run ./examples/NAME", except kmod, a module of its own: see its README.md. Each
// program exits with status 1 if it did not see what it should, and prints what it left out
// if the machine lacks something.
//
// Start here:
//
//   - tour: a C thread, the kernel, another process, a timer and shared permits
//     reach one select
//
// These show one idea each:
//
//   - callback: the callbacks of a C library, without a callback into Go
//   - values: the structs that a C library passes to its callbacks, even in a signal handler
//   - select: a Notifier, a Semaphore, a context and a clock in one select
//   - workers: one limit of workers for three processes together
//   - watch: inotify, and the kernel's alarm for CPU pressure
//   - process: an eventfd of another process, by pid and number or by message
//   - python: Python signals Go, and waits for it
//   - eventloop: an echo server for 1,000 clients in one goroutine
//
// In these the kernel is the other side:
//
//   - kernel: the kernel's own signalers, Linux AIO and io_uring
//   - kmod: a kernel module that signals eventfds and waits for them
//   - kvm: a virtual machine whose writes are signals, and which signals interrupt
package examples
