// Package eventchan is the front page of a module that joins Go's channels and
// Linux's file descriptors. Goroutines wait on channels; C threads, other
// processes and the kernel signal through descriptors. Three packages make one
// wait for the other, without a cgo callback and without a blocked thread:
//
//   - [github.com/eventchan/eventchan/notify]: a Notifier counts signals. They
//     add up, and one wait takes the sum. An eventfd in counting mode.
//   - [github.com/eventchan/eventchan/semaphore]: a Semaphore hands out permits,
//     with the methods of golang.org/x/sync/semaphore, to goroutines, C threads
//     and processes alike. An eventfd in semaphore mode.
//   - [github.com/eventchan/eventchan/bridge]: a Watcher tells when any
//     descriptor, which stays its owner's, becomes ready.
//
// Each has a method C, whose channel goes into a select:
//
//	select {
//	case signals := <-notifier.C(): // from C, another process or the kernel
//	case <-semaphore.C(): // one permit, to be released
//	case events := <-watcher.C(): // bridge.Readable, HangUp, ...
//	case <-ctx.Done():
//	}
//
// C threads of the same process signal through a handle, in one atomic step:
// [github.com/eventchan/eventchan/bridge/callback]. Other processes and the kernel
// signal through a descriptor, by a system call. A Notifier or Semaphore that has
// neither handle nor descriptor makes no system call; still, if everybody who
// signals is a goroutine, a plain channel will do.
//
// # Guarantees
//
// Any number of objects shares one goroutine and a few descriptors, which exist
// only while somebody waits; no thread is blocked. No signal is lost, whoever
// sends it. Nothing is ever written to a descriptor that Close has closed.
// Nothing is left behind once all objects are closed.
//
// # Systems
//
// Notifiers and Semaphores work on every system that Go compiles for, WebAssembly
// included, as long as they need no descriptor. C threads can signal through a handle
// on every Unix system. Descriptors (FD, File, FromFD, FromProcess and package bridge)
// need Linux. On other systems FD returns -1, and the others return an error matching
// [errors.ErrUnsupported].
package eventchan
