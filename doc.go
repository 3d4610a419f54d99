// Package eventchan lets goroutines wait, in a select, for signals from C threads,
// other processes and the Linux kernel. It only documents the module. Three packages
// connect the two sides without cgo callbacks and without blocking a thread:
//
//   - [github.com/eventchan/eventchan/notify]: a Notifier counts signals. They add up,
//     and one Wait returns their sum. It is backed by an eventfd in counting mode.
//   - [github.com/eventchan/eventchan/semaphore]: a Semaphore hands out permits to
//     goroutines, C threads and processes, with the methods of
//     golang.org/x/sync/semaphore. It is backed by an eventfd in semaphore mode.
//   - [github.com/eventchan/eventchan/bridge]: a Watcher reports when a file descriptor
//     becomes ready; the caller keeps ownership of it. A Set does so for many descriptors.
//
// Each type has a method C that returns a channel for use in a select statement:
//
//	select {
//	case signals := <-notifier.C(): // from C, another process or the kernel
//	case <-semaphore.C(): // one permit, acquired
//	case events := <-watcher.C(): // bridge.Readable, HangUp, ...
//	case <-ctx.Done():
//	}
//
// C threads of the same process signal through a handle, with one atomic operation:
// [github.com/eventchan/eventchan/bridge/callback]. They send values through a queue:
// [github.com/eventchan/eventchan/bridge/queue]. Other processes and the kernel signal
// through a descriptor, with a system call. If all your signals come from goroutines, use a
// plain channel.
//
// # Guarantees
//
// All objects share a few goroutines and descriptors, which are made when they are
// first needed. An exported Notifier or Semaphore and a Set also have a descriptor of
// their own. No thread is blocked, with four exceptions: an Add or Release to an eventfd
// that another holder has made blocking and full; where preadv2(2) is refused, a read of a
// count that another holder takes first; one thread while a system call that has failed
// is tried again; and calls of package bridge while another asks a network file system that
// does not answer about Priority, or a file system in user space (FUSE) that does not answer
// about one of its files. No signal is lost, whether a goroutine, a C thread, another process or
// the kernel sends it.
// Nothing is written to a descriptor after Close has closed it. Once every object is
// closed, only 64 bytes per handle, about 4 KB and the addresses of its values per queue
// with a handle, and the descriptor that all handles share remain.
//
// # Systems
//
// Notifiers, Semaphores and Queues work on every system that Go compiles for, WebAssembly
// included, as long as they need no descriptor. C threads can signal through a handle
// on every Unix system. Descriptors (FD, File, FromFD, FromProcess and package bridge)
// need Linux. On other systems FD returns -1, and the others return an error matching
// [errors.ErrUnsupported].
package eventchan
