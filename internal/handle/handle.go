// Package handle provides what a C thread gets to signal with: the address of a
// word and of the doorbell that goes with it.
package handle

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/word"
)

// A Slot is struct eventchan of bridge/callback/eventchan.h, byte for byte. It
// lies outside Go's memory and is never freed nor used for another object, so
// that a C thread which is late finds in it that it is late.
type Slot struct {
	Word word.Word
	// users counts those who may name the doorbell: the owner from the start,
	// and each thread that is about to ring. It does not rise again from 0, and
	// who brings it there closes the descriptor. So Leave never waits for a
	// thread, and no thread writes to a number that may be somebody else's.
	users    atomic.Uint32
	doorbell int32
	_        [48]byte
}

// slots is what is left of the latest page.
var (
	mu    sync.Mutex
	slots []Slot
)

// New returns a Slot, in use by its owner.
func New() (*Slot, error) {
	if !rawefd.SharedAtomics {
		return nil, fmt.Errorf("no atomics in common with C on %s: %w", runtime.GOARCH, errors.ErrUnsupported)
	}
	doorbell, err := rawefd.New(0, false)
	if err != nil {
		return nil, err
	}
	s, err := cut()
	if err != nil {
		rawefd.CloseNumber(doorbell.Number())
		return nil, err
	}
	s.doorbell = int32(doorbell.Number())
	s.users.Store(1)
	return s, nil
}

// cut returns memory that was never used.
func cut() (*Slot, error) {
	mu.Lock()
	defer mu.Unlock()
	if len(slots) == 0 {
		page, err := rawefd.NewPage()
		if err != nil {
			return nil, err
		}
		slots = unsafe.Slice((*Slot)(page), rawefd.PageSize/unsafe.Sizeof(Slot{}))
	}
	s := &slots[0]
	slots = slots[1:]
	return s, nil
}

// Doorbell returns the number of the doorbell's descriptor. The owner may use it
// until Leave.
func (s *Slot) Doorbell() int { return int(s.doorbell) }

// Answer brings the doorbell back to 0: only then is the next ring sure to make
// an edge. What was in it means nothing.
func (s *Slot) Answer() { rawefd.Drain(int(s.doorbell)) }

// Address returns the handle.
func (s *Slot) Address() unsafe.Pointer { return unsafe.Pointer(s) }

// Leave is called once, by the owner: the doorbell is closed when the last thread
// that is about to ring has done so, which may be now.
func (s *Slot) Leave() {
	if s.users.Add(^uint32(0)) == 0 {
		rawefd.CloseNumber(int(s.doorbell))
	}
}
