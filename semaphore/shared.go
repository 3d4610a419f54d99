package semaphore

import "unsafe"

// Handle returns the address that C threads of this process pass to eventchan_add(handle, n)
// or eventchan_signal(handle) to release permits. These functions are in the header
// bridge/callback/eventchan.h. Signal handlers and real-time threads can call them as well.
// Handle returns the same address each time.
//
// A release costs one atomic operation, and a system call only if the consumer is asleep.
// After FD or File, each release by a C thread wakes the goroutine that serves all handles,
// which moves the permits to the eventfd.
//
// Handle returns nil:
//
//   - after Close;
//   - if the process is out of memory, or its first Handle finds no descriptor (EMFILE, ENFILE) or
//     no watch (ENOSPC) for what all handles share; a handle itself needs no descriptor;
//   - after 2^32 - 2 handles;
//   - on systems other than Unix;
//   - on mips, mipsle and arm before v7, where Go's 64-bit atomic operations are not
//     atomic for C.
//
// The address stays valid for the life of the process; a release after Close has no effect.
// For that reason the 64 bytes of a handle are never freed. A program that made and closed
// 1,000 such Semaphores per second would use 5.6 GB per day: reuse them instead.
func (s *Semaphore) Handle() unsafe.Pointer {
	if !s.count.Lock() {
		return nil
	}
	defer s.count.Unlock()
	slot, err := s.count.Handle(s.waiters.Len() > 0)
	if err != nil {
		return nil
	}
	return slot.Address()
}
