// Package bridge reports the readiness of file descriptors on Go channels. It works for
// everything that epoll(7) supports, except perf events: pipes, sockets, timerfds, inotify and
// GPIO descriptors, whether Go, C code or the kernel makes them ready.
//
// A [Watcher] is for one descriptor. A [Set] is for many descriptors that one goroutine
// serves. The caller keeps ownership of the descriptors: the package never reads, writes,
// duplicates or closes them.
//
// To watch the descriptor of an [os.File] or a network connection, call [Watch] within the
// Control method of its SyscallConn. [os.File.Fd] puts the descriptor into blocking mode,
// so reads that are meant to stop when there is no more data block instead.
//
// Calls must not be made on a thread with a descriptor table of its own (unshare(2) with
// CLONE_FILES): there a number can mean another file.
package bridge
