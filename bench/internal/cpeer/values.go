//go:build cgo && linux

package cpeer

/*
#include <stdlib.h>
#include "peer.h"
#include "values.h"
*/
import "C"

import (
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// valueCallee is to values what callee is to signals.
var valueCallee func(value unsafe.Pointer)

// SetValueCallee sets what threads of ValueCallback call. No such thread may be running.
func SetValueCallee(f func(value unsafe.Pointer)) { valueCallee = f }

//export eventchanBenchValue
func eventchanBenchValue(value unsafe.Pointer) { valueCallee(value) }

// An Array is an array in C, which a mutex protects. Sending the first value to it
// signals a handle.
type Array struct{ array *C.struct_array }

// NewArray returns an Array with room for capacity values, or nil without cgo.
func NewArray(capacity, size int, handle unsafe.Pointer) *Array {
	return &Array{C.array_new(C.uint32_t(capacity), C.size_t(size), handle)}
}

// Take takes all values. They stay where they are until the next Take.
func (a *Array) Take() (values unsafe.Pointer, n int) {
	n = int(C.array_take(a.array, &values))
	return values, n
}

// Free frees the Array, once all threads have been joined.
func (a *Array) Free() { C.array_free(a.array) }

// A Sender is a C thread that was started to send values, and not joined yet.
type Sender struct {
	sender     *C.struct_sender
	gate, over int
}

// SendValues starts a thread that sends n values of size bytes.
func SendValues(r Route, id, size, n int) (*Sender, error) {
	return startSender(r, size, C.struct_sender{id: C.uint64_t(id), n: C.uint64_t(n), bursts: 1, gate: -1, over: -1})
}

// SendBursts starts a thread that sends n values of size bytes each time that Burst
// is called, which has to be done bursts times.
func SendBursts(r Route, size, n, bursts int) (*Sender, error) {
	gate, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	over, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(gate)
		return nil, os.NewSyscallError("eventfd2", err)
	}
	return startSender(r, size, C.struct_sender{n: C.uint64_t(n), bursts: C.uint64_t(bursts), gate: C.int(gate), over: C.int(over)})
}

func startSender(r Route, size int, sender C.struct_sender) (*Sender, error) {
	sender.pipe = C.int(r.FD)
	route := C.enum_route(C.TO_GO)
	switch {
	case r.Queue != nil:
		route, sender.queue = C.TO_QUEUE, r.Queue
	case r.Array != nil:
		route, sender.array = C.TO_ARRAY, r.Array.array
	case r.FD >= 0:
		route = C.TO_PIPE
	}
	s := &Sender{(*C.struct_sender)(C.malloc(C.sizeof_struct_sender)), int(sender.gate), int(sender.over)}
	*s.sender = sender
	if errno := C.sender_start(s.sender, route, C.size_t(size)); errno != 0 {
		s.free()
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	return s, nil
}

// Burst lets the thread send, and returns when it has done so. The thread that calls
// it blocks in read(2).
func (s *Sender) Burst() error {
	word := [8]byte{}
	binary.NativeEndian.PutUint64(word[:], 1)
	if _, err := unix.Write(s.gate, word[:]); err != nil {
		return os.NewSyscallError("write", err)
	}
	for {
		if _, err := unix.Read(s.over, word[:]); err == unix.EINTR {
			continue
		} else if err != nil {
			return os.NewSyscallError("read", err)
		}
		return s.failure()
	}
}

// Join waits until the thread has ended and returns how many nanoseconds of CPU it
// took to send. To be called once.
func (s *Sender) Join() (busy int64, err error) {
	defer s.free()
	C.sender_join(s.sender)
	return int64(s.sender.busy), s.failure()
}

func (s *Sender) failure() error {
	return os.NewSyscallError("a C thread's send", errnoOrNil(s.sender.error))
}

func errnoOrNil(errno C.int) error {
	if errno == 0 {
		return nil
	}
	return syscall.Errno(errno)
}

func (s *Sender) free() {
	for _, fd := range []int{s.gate, s.over} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	C.free(unsafe.Pointer(s.sender))
}

// Send starts a thread that sends values until Stop, through queues on the Board and
// through those that were there before. In each place is a queue of values of the
// size that sizes has there. The second word of each value is id, and the first one
// counts the values of the thread that were accepted before it.
func (b *Board) Send(id int, sizes []int) (*Thread, error) {
	list := (*C.int)(C.calloc(C.size_t(len(sizes)), C.sizeof_int))
	for i, size := range sizes {
		unsafe.Slice(list, len(sizes))[i] = C.int(size)
	}
	return start(C.ENDURE_VALUES, C.struct_job{board: b.board, n: C.uint64_t(id), sizes: list})
}

// Refused is how many values of a thread of Send found no place. To be called after
// Join.
func (t *Thread) Refused() uint64 { return t.refused }

// Squares is the sum of the squares of the numbers of the values of a thread of Send,
// of those that were accepted. To be called after Join.
func (t *Thread) Squares() uint64 { return t.squares }
