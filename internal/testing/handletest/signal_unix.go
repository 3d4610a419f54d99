//go:build unix

package handletest

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"github.com/eventchan/eventchan/internal/word"
)

// Signal adds n, which must be less than 2^32, as bridge/callback/eventchan.h does, and reports
// whether that was in time. It does not check whether the word is full.
func Signal(handle unsafe.Pointer, n uint64) bool {
	s := (*Slot)(handle)
	old := s.Word.Add(n) - n
	if old&word.Closed != 0 {
		s.Word.Add(-n)
		return false
	}
	if old&word.Ring != 0 {
		s.ring()
	}
	return true
}

// one has the 8 bytes that a signaler writes to ring.
var one = binary.NativeEndian.AppendUint64(nil, 1)

func (s *Slot) ring() {
	for {
		v := s.Word.Load()
		if v&word.Ring == 0 {
			return
		}
		if s.Word.CompareAndSwap(v, v^(word.Ring|word.Rung)) {
			break
		}
	}
	var head, pushed uint64
	for {
		head = s.Head.Load()
		s.Next = head
		pushed = head&^Index | uint64(s.Index)
		if s.Head.CompareAndSwap(head, pushed) {
			break
		}
	}
	if head&Quiet != 0 {
		return
	}
	for {
		_, err := syscall.Write(int(s.FD), one)
		if err == nil || err == syscall.EAGAIN {
			break
		}
		if err != syscall.EINTR {
			return
		}
	}
	for head = s.Head.Load(); (head^pushed)&^Index == 0; head = s.Head.Load() {
		if s.Head.CompareAndSwap(head, head|Quiet) {
			break
		}
	}
}
