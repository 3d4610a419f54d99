package notify

import "unsafe"

// Handle returns the address with which C threads of this process signal: they
// call eventchan_add(handle, n) or eventchan_signal(handle) of the header
// bridge/callback/eventchan.h, also in signal handlers and real-time threads. A
// signal costs one atomic operation, and a system call only if the consumer is asleep.
// Handle returns the same address each time.
//
// Handle returns nil in four cases:
//
//   - after Close;
//   - if the process is out of descriptors (EMFILE) or memory when its first Handle
//     opens what all handles share, because a handle needs no descriptor of its own;
//   - on systems other than Unix;
//   - on mips, mipsle and arm before v7, where Go's 64-bit atomic operations are not
//     atomic for C.
//
// The address stays valid: after Close a signal that comes late does
// nothing. So each Notifier whose Handle was called leaves 64 bytes behind, which is
// 5.5 GB a day if 1,000 are made and closed each second, and after 2^32 Handle
// returns nil: keep them instead. If
// FD or File is called as well, each signal of a C thread wakes the poller, which
// moves it to the eventfd.
func (n *Notifier) Handle() unsafe.Pointer {
	if !n.count.Lock() {
		return nil
	}
	defer n.count.Unlock()
	slot, err := n.count.Handle(n.waited())
	if err != nil {
		return nil
	}
	return slot.Address()
}
