//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"math"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/word"
)

const (
	full    = word.Full
	held    = word.Held
	ring    = word.Ring
	rung    = word.Rung
	closed  = word.Closed
	counts  = rung - 1
	quiet   = handletest.Quiet
	epoch   = handletest.OneEpoch
	large   = 1 << 32
	forever = math.MaxInt32
)

// A hub is the part of the doorbell that C code uses, without the goroutine: a stack, and a
// pipe, with which writes can be counted on every Unix system.
type hub struct {
	head *atomic.Uint64
	ends [2]int
	page unsafe.Pointer
	last uint32 // the index of the latest slot
}

func newHub(t testing.TB, head uint64) *hub {
	t.Helper()
	h := &hub{page: must(rawefd.NewPage())}
	if err := syscall.Pipe(h.ends[:]); err != nil {
		t.Fatal(err)
	}
	for _, end := range h.ends {
		t.Cleanup(func() { syscall.Close(end) })
		if err := syscall.SetNonblock(end, true); err != nil {
			t.Fatal(err)
		}
	}
	h.head = (*atomic.Uint64)(h.page)
	h.head.Store(head)
	return h
}

// slot returns a new slot, the part of a Notifier that C code uses.
func (h *hub) slot(bits uint64) *handletest.Slot {
	h.last++
	s := (*handletest.Slot)(unsafe.Add(h.page, 64*h.last))
	s.Magic, s.Index, s.FD, s.Head = doorbell.Magic, h.last, int32(h.ends[1]), h.head
	s.Word.Store(bits)
	return s
}

// writes returns how often the doorbell was written to since the last call.
func (h *hub) writes() (count int) {
	var buf [8]byte
	for {
		n, err := syscall.Read(h.ends[0], buf[:])
		if err == syscall.EAGAIN {
			return count
		}
		if err != nil || n != len(buf) {
			panic(err)
		}
		count++
	}
}

// fill makes the next write fail with EAGAIN.
func (h *hub) fill(t *testing.T) {
	t.Helper()
	for {
		switch _, err := syscall.Write(h.ends[1], make([]byte, 8)); err {
		case nil:
		case syscall.EAGAIN:
			return
		default:
			t.Fatal(err)
		}
	}
}

// check checks the word of a slot, the stack, and the number of writes to the doorbell.
func (h *hub) check(t *testing.T, when string, s *handletest.Slot, word, head uint64, writes int) {
	t.Helper()
	if got := s.Word.Load(); got != word {
		t.Errorf("%s the word is %#x, want %#x", when, got, word)
	}
	if got := h.head.Load(); got != head {
		t.Errorf("%s the head is %#x, want %#x", when, got, head)
	}
	if got := h.writes(); got != writes {
		t.Errorf("%s there were %d writes, want %d", when, got, writes)
	}
}

func address(s *handletest.Slot) unsafe.Pointer { return unsafe.Pointer(s) }

// join waits for threads and returns the sums of their results.
func join(t testing.TB, threads ...*chandle.Thread) (sum chandle.Answers) {
	t.Helper()
	for _, thread := range threads {
		answers, err := thread.Join()
		if err != nil {
			t.Error(err)
		}
		sum = sum.Plus(answers)
	}
	return sum
}

// must panics on an error, because some tests call it outside the goroutine of the test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func mustAdd(t testing.TB, handle unsafe.Pointer, n uint64) chandle.Answers {
	t.Helper()
	return join(t, must(chandle.Add(handle, n, 1, forever)))
}
