//go:build unix && !mips && !mipsle && (!arm || arm.7)

package queue_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/testing/leaktest"
)

func TestHandleIsTheSameEachTimeAndNilAfterClose(t *testing.T) {
	q := mustNew[int64](t, 2)
	h := mustHandle(t, q)
	q.C()
	if got := q.Handle(); got != h {
		t.Errorf("Handle = %p, want %p as before", got, h)
	}
	if got := q.String(); got != "Queue(shared)" {
		t.Errorf("String = %q, want Queue(shared)", got)
	}
	q.Close()
	if got := q.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if got := handletest.Send(h, int64(1)); got != handletest.Late {
		t.Errorf("a send after Close = %v, want EBADF", got)
	}
}

// A send with the wrong size or a nil handle is refused.
func TestHandleRefusesOtherSizes(t *testing.T) {
	q := mustNew[int64](t, 2)
	h := mustHandle(t, q)
	if got := handletest.Send(h, int32(1)); got != handletest.WrongSize {
		t.Errorf("a send of 4 bytes = %v, want EINVAL", got)
	}
	if got := handletest.Send(nil, int64(1)); got != handletest.Late {
		t.Errorf("a send to nil = %v, want EBADF", got)
	}
	wantEmpty(t, q)
}

// C can send pointers to C memory.
func TestHandleTakesPointers(t *testing.T) {
	type message struct {
		ID   int32
		Data *byte
	}
	q := mustNew[message](t, 2)
	page, err := rawefd.NewPage()
	if err != nil {
		t.Fatal(err)
	}
	want := message{5, (*byte)(page)}
	if err := sendAsC(q, want); err != nil {
		t.Fatal(err)
	}
	wantReceive(t, q, want)
	q.Handle()
	wantIs(t, "Send of a pointer", q.Send(want), os.ErrInvalid)
}

// Refused counts refused sends from C as well as those from Go.
func TestRefusedCountsBoth(t *testing.T) {
	q := mustNew[int64](t, 2)
	for i := range int64(4) {
		q.Send(i)
	}
	for range 3 {
		if err := sendAsC(q, 9); err != queue.ErrFull {
			t.Errorf("a send to a full queue = %v, want EAGAIN", err)
		}
	}
	if got := q.Refused(); got != 5 {
		t.Errorf("Refused = %d, want 5", got)
	}
}

// A reserved place is aligned as the header says.
func TestReservedPlacesAreAligned(t *testing.T) {
	aligned[[8]byte](t, 8)
	aligned[[16]byte](t, 16)
	aligned[[48]byte](t, 16)
	aligned[[5]byte](t, 8)
}

func aligned[T any](t *testing.T, want uintptr) {
	t.Helper()
	q := mustNew[T](t, 4)
	h := mustHandle(t, q)
	for range 4 {
		place, _, answer := handletest.Reserve[T](h)
		if answer != handletest.OK || uintptr(unsafe.Pointer(place))%want != 0 {
			t.Errorf("a place for %T at %p, %v; want it aligned to %d", *place, place, answer, want)
		}
	}
}

// mustReserve reserves a place and writes v to it.
func mustReserve(t *testing.T, q *queue.Queue[int64], v int64) (commit func() handletest.Answer) {
	t.Helper()
	h := mustHandle(t, q)
	place, ticket, answer := handletest.Reserve[int64](h)
	if answer != handletest.OK {
		t.Fatalf("reserve = %v", answer)
	}
	*place = v
	return func() handletest.Answer { return handletest.Commit(h, ticket) }
}

// Values are received in the order in which they were reserved.
func TestReservesAreReceivedInOrder(t *testing.T) {
	q := mustNew[int64](t, 4)
	mustSend(t, q, 1)
	second, third := mustReserve(t, q, 2), mustReserve(t, q, 3)
	mustHandle(t, q)
	mustSend(t, q, 4)
	wantIs(t, "Send", q.Send(5), queue.ErrFull)
	wantReceive(t, q, 1)
	if got := third(); got != handletest.OK {
		t.Errorf("commit = %v", got)
	}
	if got, ok := q.TryReceive(); ok {
		t.Errorf("TryReceive = %d before what was reserved first", got)
	}
	if got := q.Len(); got != 3 {
		t.Errorf("Len = %d, want 3 with what is reserved", got)
	}
	arrivals := startWaiters(q, background)
	if got := second(); got != handletest.OK {
		t.Errorf("commit = %v", got)
	}
	wantArrival(t, <-arrivals, 2)
	wantReceive(t, q, 3)
	wantReceive(t, q, 4)
}

// A commit after Close is refused and its value is not received. Values sent before Close
// are received even if they were reserved later, and Len returns their number.
func TestCommitAfterCloseIsRefused(t *testing.T) {
	for _, useC := range []bool{false, true} {
		q := mustNew[int64](t, 8)
		h := mustHandle(t, q)
		if useC {
			q.C()
		}
		var commits []func() handletest.Answer
		commits = append(commits, mustReserve(t, q, -1))
		for i := range int64(3) {
			mustSend(t, q, 2*i)
			if err := sendAsC(q, 2*i+1); err != nil {
				t.Fatal(err)
			}
			if i < 1 {
				commits = append(commits, mustReserve(t, q, -2))
			}
		}
		q.Close()
		for i := range int64(6) {
			if got := q.Len(); got != int(6-i) {
				t.Errorf("Len = %d, want %d, which can be received", got, 6-i)
			}
			if i == 3 {
				if got := commits[1](); got != handletest.Late {
					t.Errorf("commit after Close = %v, want EBADF", got)
				}
			}
			if useC {
				if got := <-q.C(); got != i {
					t.Errorf("C gave %d, want %d", got, i)
				}
			} else {
				wantReceive(t, q, i)
			}
		}
		if got := commits[0](); got != handletest.Late {
			t.Errorf("commit after all was received = %v, want EBADF", got)
		}
		if got := handletest.Send(h, int64(9)); got != handletest.Late {
			t.Errorf("send after all was received = %v, want EBADF", got)
		}
		wantClosed(t, q)
	}
}

// A thousand queues do not need a descriptor each, and no goroutine or descriptor of theirs
// remains after Close.
func TestThousandHandles(t *testing.T) {
	before := leaktest.Baseline()
	var queues []*queue.Queue[int64]
	for range 1000 {
		q, err := queue.New[int64](2)
		if err != nil {
			t.Fatal(err)
		}
		mustHandle(t, q)
		queues = append(queues, q)
	}
	for i, q := range queues {
		if i%2 == 0 {
			go sendAsC(q, int64(i))
		}
	}
	for i, q := range queues {
		if i%2 == 0 {
			wantReceive(t, q, int64(i))
		}
		q.Close()
	}
	if err := leaktest.Check(before); err != nil {
		t.Error(err)
	}
}
