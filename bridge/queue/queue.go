package queue

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/fifo"
)

// A Queue is a bounded FIFO queue of values of one fixed size. C threads and goroutines
// send values, and goroutines receive them.
//
// The values of one sender are received in the order in which it sent them; but see [Queue.C] for
// values that are received in another way once C is in use. A full Queue refuses new values and
// overwrites nothing. After Close, values that were sent earlier can still be received, as from a
// closed channel.
//
// A Queue is private until [Queue.Handle] makes it accessible to C. A private Queue is in
// Go memory, makes no system calls, and works on every system and inside a testing/synctest
// bubble if it was made there: a goroutine that waits for one made outside is not durably
// blocked. A Queue with a handle must not be used in a bubble, because the goroutine that
// serves all handles of the process sends to its channels.
//
// The first Handle of a process, whether of a Queue, a Notifier or a Semaphore, opens one descriptor and
// starts one goroutine, which serve all handles. A Queue needs nothing else.
//
// All methods are safe for concurrent use. The zero value is not usable.
type Queue[T any] struct {
	places   uint64 // the number of values that fit
	pointers bool   // T contains pointers

	cells atomic.Pointer[cells[T]] // nil until Handle; from then on it has the values, not ring

	making  sync.Mutex // held while Handle makes cells; locked before mu
	mu      sync.Mutex // guards everything below, and the consumer's part of cells
	ring    ring[T]
	refused uint64 // sends of goroutines that found the ring full
	closed  bool

	waiters fifo.Queue[call[T]] // the goroutines blocked in Receive and ReceiveBatch
	home    *place[T]           // the place that the first waiter uses; see vacant

	c       chan T        // nil until C is called
	done    bool          // c is closed
	pumping bool          // a goroutine runs pump, which fills c
	inHand  int           // 1 while that goroutine holds a value and waits for room in c, else 0
	ask     chan struct{} // see settle

	forgotten runtime.Cleanup // releases the cells of a closed Queue that becomes unreachable
}

// New returns a private Queue with room for at least capacity values.
//
// T must be a type whose values mean the same in C: integers, floats, booleans, and arrays
// and structs of those, with a size of 1 to 65,535 bytes. If T contains pointers, they must
// point to C memory, and only C can send.
//
// New returns an error matching [os.ErrInvalid] if T contains a string, slice, map,
// interface, channel or function, if the size of T is out of range, if capacity is less
// than 1, or if the Queue would need more than 1 GiB of memory. It makes no system call.
func New[T any](capacity int) (*Queue[T], error) {
	t := reflect.TypeFor[T]()
	pointers, err := check(t)
	if err != nil {
		return nil, failedNew(t, capacity, err)
	}
	n, err := places(capacity, t.Size())
	if err != nil {
		return nil, failedNew(t, capacity, err)
	}
	return &Queue[T]{places: n, pointers: pointers, home: newPlace[T]()}, nil
}

// failedNew adds the call and its arguments to an error of New.
func failedNew(t reflect.Type, capacity int, err error) error {
	return fmt.Errorf("queue: New[%v](%d): %w", t, capacity, err)
}
