//go:build unix

package handletest

import (
	"encoding/binary"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/eventchan/eventchan/internal/word"
)

// A slot is what docs/protocol.md says that a handle points to.
type slot struct {
	word  atomic.Uint64
	magic uint64
	next  uint64
	index uint32
	fd    int32
	head  *atomic.Uint64
}

const (
	quiet = 1 << 63
	index = 1<<32 - 1
)

// Signal adds n, less than 2^32, as bridge/callback/eventchan.h does, and reports
// whether that was in time. It takes no notice of a word that is full.
func Signal(handle unsafe.Pointer, n uint64) bool {
	s := (*slot)(handle)
	old := s.word.Add(n) - n
	if old&word.Closed != 0 {
		s.word.Add(-n)
		return false
	}
	if old&word.Ring != 0 {
		s.ring()
	}
	return true
}

func (s *slot) ring() {
	for {
		v := s.word.Load()
		if v&word.Ring == 0 {
			return
		}
		if s.word.CompareAndSwap(v, v^(word.Ring|word.Rung)) {
			break
		}
	}
	var head, pushed uint64
	for {
		head = s.head.Load()
		s.next = head
		pushed = head&^index | uint64(s.index)
		if s.head.CompareAndSwap(head, pushed) {
			break
		}
	}
	if head&quiet != 0 {
		return
	}
	for {
		if _, err := syscall.Write(int(s.fd), binary.NativeEndian.AppendUint64(nil, 1)); err != syscall.EINTR {
			break
		}
	}
	for head = s.head.Load(); (head^pushed)&^index == 0; head = s.head.Load() {
		if s.head.CompareAndSwap(head, head|quiet) {
			break
		}
	}
}
