package queue

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A Queue is a bounded first-in, first-out queue of values of one fixed size, which
// C threads and goroutines send and goroutines receive.
//
// Values of one sender are received in the order of its sends. A full Queue refuses
// what is sent, and overwrites nothing. After Close, values that were sent before can
// still be received, as from a closed channel.
//
// Only [Queue.Handle] makes a Queue accessible to C. Until then it is private: it is
// in Go's memory, makes no system call, and works on every system and inside a
// testing/synctest bubble. A Queue with a handle must not be used in a bubble, because
// a goroutine that serves all handles of the process sends to its channels.
//
// All methods can be called concurrently. The zero value is not usable.
type Queue[T any] struct {
	places   uint64 // for values
	pointers bool   // in T

	cells atomic.Pointer[cells[T]] // nil until Handle; what follows has the values then

	mu      sync.Mutex // protects all below, and the consumer's part of cells
	ring    ring[T]
	refused uint64 // sends of goroutines
	closed  bool

	waiters fifo.Queue[call[T]] // first come, first served
	home    *place[T]           // of the first waiter

	c       chan T // nil until C
	done    bool   // c is closed
	pumping bool   // a goroutine fills c
	inHand  int    // 1 while that goroutine waits for room for a value

	delivered uint64        // values that were in hand
	ask       chan struct{} // see settle

	forgotten runtime.Cleanup // gives cells back that are never received
}

// New returns a private Queue with room for at least capacity values. It makes no
// system call.
//
// T is a type whose values mean the same to C: integers, floats, bools, and arrays
// and structs of those, of 1 to 65,535 bytes. Pointers in it must be to C's memory,
// and only C can send them. New returns an error matching [os.ErrInvalid] if T
// contains a string, slice, map, interface, channel or function, if it has another
// size, if capacity is less than 1, or if the queue would need more than 1 GiB.
func New[T any](capacity int) (*Queue[T], error) {
	t := reflect.TypeFor[T]()
	pointers, err := check(t)
	if err != nil {
		return nil, fmt.Errorf("queue: New: %w", err)
	}
	n, err := places(capacity, t.Size())
	if err != nil {
		return nil, fmt.Errorf("queue: New: %w", err)
	}
	return &Queue[T]{places: n, pointers: pointers, home: newPlace[T]()}, nil
}
