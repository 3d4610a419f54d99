// Package eventchan lets goroutines wait, in a select, for signals from C threads,
// other processes and the Linux kernel. It only documents the module. Three packages
// connect the two sides without cgo callbacks and without blocking a thread:
//
//   - [github.com/eventchan/eventchan/notify]: a Notifier counts signals. They add up,
//     and one Wait returns their sum. It is backed by an eventfd in counting mode.
//   - [github.com/eventchan/eventchan/semaphore]: a Semaphore hands out permits to
//     goroutines, C threads and processes, with the methods of
//     golang.org/x/sync/semaphore. It is backed by an eventfd in semaphore mode.
//   - [github.com/eventchan/eventchan/bridge]: a Watcher reports when a descriptor,
//     which stays its owner's, becomes ready. A Set does so for many descriptors.
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
// C threads of the same process signal through a handle, with one atomic operation:
// [github.com/eventchan/eventchan/bridge/callback]. They send values through a queue:
// [github.com/eventchan/eventchan/bridge/queue]. Other processes and the kernel signal
// through a descriptor, with a system call. If all signals come from goroutines, a plain
// channel is the better choice.
//
// # Guarantees
//
// Any number of objects shares a few goroutines and descriptors, which exist only while
// a goroutine waits or a channel is in use. No thread is blocked. No signal is
// lost, whether a goroutine, a C thread, another process or the kernel has sent it.
// Nothing is ever written to a descriptor that Close has closed. Once all objects are
// closed, 64 bytes per handle are left, about 4 KB per queue with a handle, and the
// descriptor that all handles share.
//
// # Systems
//
// Notifiers and Semaphores work on every system that Go compiles for, WebAssembly
// included, as long as they need no descriptor. C threads can signal through a handle
// on every Unix system. Descriptors (FD, File, FromFD, FromProcess and package bridge)
// need Linux. On other systems FD returns -1, and the others return an error matching
// [errors.ErrUnsupported].
package eventchan
