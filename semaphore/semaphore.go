// Package semaphore provides [Semaphore]: permits that goroutines, C threads
// and other processes draw from one counter.
package semaphore

import (
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/eventchan/eventchan/internal/counter"
	"github.com/eventchan/eventchan/internal/fifo"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Semaphore is a number of permits: an eventfd in semaphore mode. Acquire,
// TryAcquire and Release have the signatures of Weighted in
// golang.org/x/sync/semaphore, which a Semaphore can replace. Whoever else holds
// the descriptor draws from the same permits: who reads 8 bytes takes one, who
// writes k adds k.
//
// Permits are not capped: a Release without an Acquire makes a permit, as a
// producer does for a consumer.
//
// There is an eventfd only once somebody outside needs one. A Semaphore made by
// [New] is private: its permits are a word in Go's memory, and it makes no system
// call. [Semaphore.FD] and [Semaphore.File] move them to an eventfd, for good;
// [Semaphore.Handle] shares the word with the C threads of this process.
//
// All methods may be called by many goroutines at once. The zero value is not
// usable. After Close they return an error that matches [os.ErrClosed], or say
// so as their comment tells.
//
// A private Semaphore costs no descriptor, FD or File one, and Handle one. All
// Notifiers, Semaphores and Watchers together cost one goroutine and one more
// descriptor or two, and these only while somebody waits for one of them that is
// not private, or has called C; no thread is ever blocked. See eventfd(2).
type Semaphore struct {
	count counter.Counter // of free permits, and the lock of all below

	// since is when the first of waiters began to wait, or 0, to be read without
	// the lock.
	since   atomic.Int64
	waiters fifo.Queue[waiter] // first come first served
	large   int32              // how many of them want several permits
	closed  bool               // last has run

	c atomic.Pointer[channel] // nil until C is called

	// slow tells whether one read of the eventfd is a whole TryAcquire(1): its
	// low half counts the waiters and the goroutines that are taking several
	// permits, its high half how often any began to take several.
	slow atomic.Uint64

	// home is a place for the first waiter. There is no pool of others: a channel
	// that was made in a testing/synctest bubble must stay there, so it is New that
	// makes what is used again.
	home *place
}

// A place is where a waiter stands in the queue.
type place = fifo.Node[waiter]

// A waiter is a call of Acquire that sleeps, or C, which always waits for the
// next permit.
type waiter struct {
	permits int64
	since   int64
	wake    chan struct{} // with a buffer of one; nil for C
	woken   bool          // wake is full, or was emptied by who now wants the lock
	granted bool          // the permits are his
	busy    bool          // he has not gone yet
}

// New returns a private Semaphore with the given number of free permits. It makes
// no system call and works inside a testing/synctest bubble. An error matches
// [os.ErrInvalid] if permits is negative; where there is no eventfd it matches
// [errors.ErrUnsupported].
func New(permits int64) (*Semaphore, error) {
	if permits < 0 {
		return nil, fmt.Errorf("semaphore: New(%d): permits are negative: %w", permits, os.ErrInvalid)
	}
	if err := rawefd.Supported(); err != nil {
		return nil, fmt.Errorf("semaphore: New: %w", err)
	}
	return wrap(permits, nil), nil
}

// FromFD returns a Semaphore that owns the eventfd fd, which was created here or
// came from C or another process, and makes it close-on-exec. O_NONBLOCK stays
// as it is, since all who share the eventfd share that flag.
//
// An error leaves fd to the caller, untouched. It matches [os.ErrInvalid] if fd
// is no eventfd in semaphore mode (where the kernel tells the mode: since Linux
// 6.5) or no possible descriptor number, and EBADF if it is not open. FromFD
// needs /proc to find out.
func FromFD(fd int) (*Semaphore, error) {
	own, err := rawefd.Adopt(fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromFD of descriptor %d: %w", fd, err)
	}
	return wrap(0, own), nil
}

// FromProcess returns a Semaphore on descriptor fd of process pid, which must be
// an eventfd in semaphore mode. Both processes then share the permits. It takes
// the right to ptrace that process: see pidfd_getfd(2), Linux 5.6.
//
// An error matches ESRCH if there is no such process, EBADF if it has no such
// descriptor, [os.ErrPermission] if it may not be looked into, and otherwise
// what [FromFD] says.
func FromProcess(pid, fd int) (*Semaphore, error) {
	own, err := rawefd.FromProcess(pid, fd, true)
	if err != nil {
		return nil, fmt.Errorf("semaphore: FromProcess of descriptor %d of process %d: %w", fd, pid, err)
	}
	return wrap(0, own), nil
}

func wrap(permits int64, fd *rawefd.FD) *Semaphore {
	s := &Semaphore{home: newPlace()}
	s.count.Init(uint64(permits), true, fd, (*server)(s))
	return s
}

// Release adds n permits and wakes waiters. Releasing 0 does nothing, and so
// does a Release after Close: its permits went with the counter.
//
// Release never blocks. It panics if n is negative or if the counter, whose
// maximum is 1<<64 - 2, cannot hold n more; then nothing was added. It costs one
// atomic step, or a lock if a waiter has to be woken. After FD or File it costs
// one system call, or none if goroutines wait for all n permits: then they go
// straight there. It allocates nothing, except for the goroutine that may have to
// hold out a permit for C.
func (s *Semaphore) Release(n int64) {
	if n > 0 && s.count.Word().Add(uint64(n)) {
		return
	}
	s.release(n)
}

// release is Release where one step is not all.
func (s *Semaphore) release(n int64) {
	check("Release", n)
	if n == 0 {
		return
	}
	var err error
	if fd := s.count.FD(); fd == nil || uint32(s.slow.Load()) > 0 {
		err = s.give(n)
	} else if fd.Use() { // nobody waits
		if permits := uint64(n); fd.TryAdd(&permits) != 0 {
			err = fd.Add(permits)
		}
		fd.Done()
	}
	if err != nil {
		panic(s.failed(fmt.Sprintf("Release(%d)", n), err).Error())
	}
}

// give adds n permits to the word, or to the eventfd if somebody waits.
func (s *Semaphore) give(n int64) error {
	for s.count.Word().Addable(uint64(n)) {
		if s.count.Word().Add(uint64(n)) {
			return nil
		}
	}
	if !s.count.Lock() {
		return nil
	}
	defer s.count.Unlock()
	if s.count.FD() != nil {
		return s.hand(n)
	}
	if err := s.count.Add(uint64(n)); err != nil {
		return err
	}
	s.serve()
	return nil
}

// check panics if n is negative.
func check(call string, n int64) {
	if n < 0 {
		panicNegative(call, n)
	}
}

func panicNegative(call string, n int64) {
	panic(fmt.Sprintf("semaphore: %s(%d): negative number of permits", call, n))
}

// Count returns the number of permits that are free now, at most
// [math.MaxInt64]; the one that C holds ready is not among them. After FD or File
// it reads /proc and is meant for looking at a program rather than for steering
// it.
func (s *Semaphore) Count() (int64, error) {
	if !s.count.Lock() {
		return 0, s.failed("Count", os.ErrClosed)
	}
	defer s.count.Unlock()
	count, err := s.count.Count()
	if err != nil {
		return 0, s.failed("Count", err)
	}
	return int64(min(count, math.MaxInt64)), nil
}

// FD returns the number of the eventfd's descriptor, or -1 after Close, or if
// none is to be had (EMFILE; File tells why). Who reads 8 bytes from it takes a
// permit and who writes a native uint64 to it adds permits: C code, or a process
// that inherits it. It is non-blocking, so poll(2) to wait for a permit. It stays
// the Semaphore's own: do not close it, and do not use it after Close, when the
// number may be another file's.
//
// The first FD or File moves the permits to the eventfd, with nothing lost,
// whatever runs at the same time. From then on an Acquire and a Release cost
// system calls: do not call it without need.
func (s *Semaphore) FD() int {
	fd, err := s.export()
	if err != nil {
		return -1
	}
	return fd.Number()
}

// File returns a duplicate of the descriptor, which the caller closes. It is
// for [os/exec.Cmd.ExtraFiles], for SCM_RIGHTS, and for whoever else needs a
// descriptor that outlives the Semaphore. Close it once it is handed over: as a
// non-blocking [os.File] it is watched by Go's runtime, which each Release wakes.
// An error wraps that of the system call, an [*os.SyscallError] such as EMFILE.
func (s *Semaphore) File() (*os.File, error) {
	fd, err := s.export()
	if err != nil {
		return nil, s.failed("File", err)
	}
	if !fd.Use() {
		return nil, s.failed("File", os.ErrClosed)
	}
	defer fd.Done()
	file, err := fd.Dup()
	if err != nil {
		return nil, s.failed("File", err)
	}
	return file, nil
}

// export returns the eventfd. Who waits for several permits looks at it by
// himself now and then, so he is told.
func (s *Semaphore) export() (*rawefd.FD, error) {
	if fd := s.count.FD(); fd != nil {
		return fd, nil
	}
	if !s.count.Lock() {
		return nil, os.ErrClosed
	}
	defer s.count.Unlock()
	fd, err := s.count.Export(s.waiters.Len() > 0)
	if err != nil {
		return nil, err
	}
	for p := s.waiters.First(); p != nil; p = p.Next() {
		if p.Value.permits > 1 {
			p.Value.rouse()
		}
	}
	return fd, nil
}

// Handle returns the address with which C threads of this process release
// permits: they call eventchan_add(handle, n) or eventchan_signal(handle) of the
// header bridge/callback/eventchan.h, also in signal handlers and real-time
// threads. That is one atomic step, and a system call only if somebody has to be
// woken. It is the same address each time, or nil after Close, if no descriptor is
// to be had (EMFILE), and on mips and arm before v7, where Go has no atomics in
// common with C.
//
// The address stays valid for ever: after Close a permit that comes late does
// nothing. So each Semaphore whose Handle was called leaves 64 bytes behind. If
// FD or File is called as well, each permit of a C thread wakes the poller, which
// moves it to the eventfd.
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

// failed says which call failed on which descriptor.
func (s *Semaphore) failed(call string, err error) error {
	if fd := s.count.FD(); fd != nil && fd.Number() >= 0 {
		return fmt.Errorf("semaphore: %s on descriptor %d: %w", call, fd.Number(), err)
	}
	return fmt.Errorf("semaphore: %s: %w", call, err)
}
