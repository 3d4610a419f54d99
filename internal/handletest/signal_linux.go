package handletest

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/word"
)

// Signal adds n, less than 2^32, in the way of bridge/callback/eventchan.h, and
// reports whether that was in time. It takes no notice of a word that is full.
func Signal(handle unsafe.Pointer, n uint64) bool {
	w := (*atomic.Uint64)(handle)
	old := w.Add(n) - n
	if old&word.Closed != 0 {
		w.Add(-n)
		return false
	}
	if old&word.Ring != 0 && w.And(^uint64(word.Ring))&word.Ring != 0 {
		ring(handle)
	}
	return true
}

// ring is what is left to do for who has cleared the flag.
func ring(handle unsafe.Pointer) {
	users := (*atomic.Uint32)(unsafe.Add(handle, 8))
	doorbell := int(*(*int32)(unsafe.Add(handle, 12)))
	for u := users.Load(); !users.CompareAndSwap(u, u+1); u = users.Load() {
		if u == 0 {
			return
		}
	}
	unix.Write(doorbell, binary.NativeEndian.AppendUint64(nil, 1))
	if users.Add(^uint32(0)) == 0 {
		unix.Close(doorbell)
	}
}
