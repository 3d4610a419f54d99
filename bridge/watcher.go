package bridge

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/ctxdone"
	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// ErrNotPollable is returned (wrapped) by [Watch] and [Set.Add] for descriptors that this package cannot
// watch: regular files and directories, which are always ready; epoll instances that are nested too
// deeply; and perf events (perf_event_open(2)), because the poll that finds one ready takes that from
// all others. An [os.File] works for a perf event: see [os.NewFile] and [syscall.RawConn].
var ErrNotPollable = rawefd.ErrNotPollable

// A Watcher reports the readiness of a file descriptor owned by the caller. It never reads, writes,
// duplicates or closes the descriptor, and does not change its flags. Blocking and non-blocking
// descriptors are both fine. Any number of Watchers can watch the same descriptor.
//
// The descriptor can be closed before the Watcher. The Watcher then reports nothing more,
// even if a new descriptor gets the same number, and Wait returns an error or blocks until
// Close. Only if a duplicate keeps the open file alive can its events still be reported.
//
// All methods are safe for concurrent use. The zero value is not usable. After Close,
// methods that return an error return one matching [os.ErrClosed], or [os.ErrInvalid] if an
// argument is invalid.
//
// A Watcher uses no descriptor and no goroutine of its own. All Watchers together usually use two of
// each while any is open, and share one lock, which [Watch], Wait, Rearm, Change and Close take. A Watcher
// must not be made in a testing/synctest bubble: those goroutines send to C, and the Go runtime ends a
// process in which a goroutine outside a bubble uses a channel of the bubble. A [Set] can be, but a
// goroutine that waits for it is not durably blocked. See epoll(7).
type Watcher struct {
	fd int32

	// last is the latest report of Priority that the poller has made, and urgent is how many there
	// were. A Wait that has looked, and has not joined a round yet, finds there what it has missed,
	// because a Look reports a pulse only once.
	last   Events        // guarded by mu
	urgent atomic.Uint32 // written under mu

	closed atomic.Bool // written under mu
	watch  *poller.Watch
	c      chan Events // sent to and closed under mu
	mu     sync.Mutex
	round  *round // of the goroutines blocked in Wait; nil if there are none
}

// A round is the time from a goroutine blocking in Wait until the next event, which wakes
// it and all others that have joined the round.
type round struct {
	done    chan struct{}
	waiters int    // guarded by mu; without any, a pulse has to be kept for the next Wait
	events  Events // written before done is closed; none if the Watcher was closed
}

// Watch returns a Watcher that watches fd for events. HangUp and Failed are always reported, so events
// can be 0; but files of proc and cgroup v2, which report Failed with Priority and to one poll only, need
// Priority. Events that are there already are in the buffer of C when Watch returns.
//
// Priority of a file of proc or cgroup v2, such as /proc/pressure/memory or
// /proc/self/mountinfo, can be missed if it comes during the call, so call Watch first and
// then read the file.
//
// It returns an error matching
//   - [ErrNotPollable] if the descriptor is of a kind that cannot be watched;
//   - EBADF if fd is not open;
//   - [os.ErrInvalid] if fd is negative or greater than [math.MaxInt32], or if events
//     contains unknown bits;
//   - ENOSPC or EINVAL, with a text that names the limit, if a limit of the kernel is
//     reached: fs.epoll.max_user_watches, or 250 event masks, duplicates or processes per
//     open file;
//   - EMFILE or ENFILE if the package needs a descriptor and none is available;
//   - [errors.ErrUnsupported] on systems without epoll.
//
// Watch costs four or five system calls, or about twelve if events contains Priority, and allocates.
// It costs about six more and starts two goroutines if there is no other Watcher, or if other
// Watchers watch fd for other events. Watch does not wait for an event. It yields the processor
// while more than eight epoll instances that are not needed any more have not been closed yet:
// closing the last Watcher ends two, which their goroutines close. If events contains Priority,
// Watch asks for the file system of fd with fstatfs(2), which blocks while a network file system
// does not answer; so do then the other calls of Watchers.
func Watch(fd int, events Events) (*Watcher, error) {
	if fd < 0 || fd > math.MaxInt32 {
		return nil, failedWatch(fd, fmt.Errorf("descriptor number out of range: %w", os.ErrInvalid))
	}
	w := &Watcher{fd: int32(fd), c: make(chan Events, 1)}
	err := events.check()
	if err == nil {
		err = rawefd.CheckNested(fd)
	}
	if err == nil {
		w.watch, err = poller.NewWatch(fd, uint32(events), (*target)(w))
	}
	if err != nil {
		return nil, failedWatch(fd, err)
	}
	return w, nil
}

// C returns a channel that receives the current events each time that the descriptor
// becomes ready or further events occur: it is edge-triggered. Every call returns the same
// channel. Its buffer holds one value, into which later events are merged, so a slow
// receiver blocks nothing. It learns that something happened, but not how many times.
//
// After receiving from C, read or write the descriptor until it would block, or call
// [Watcher.Rearm]: data left unread does not trigger another event. Close closes the
// channel.
func (w *Watcher) C() <-chan Events {
	return w.c
}

// Wait returns the current events, blocking until there are any, ctx is done or the
// Watcher is closed. It is level-triggered: it returns immediately while the descriptor is
// ready, and an event wakes every goroutine that is blocked in Wait. It does not consume
// values from C.
//
// If ctx is done first, or is already done, Wait returns ctx.Err(). If the Watcher is
// closed, before or during the call, Wait returns an error matching [os.ErrClosed]. If ctx
// is nil, it returns an error matching [os.ErrInvalid].
//
// If the descriptor has been closed, Wait returns an error matching EBADF, or ENOENT or
// [ErrNotPollable] if its number is another open file by now. If the descriptor is closed
// while Wait is blocked, Wait can stay blocked until ctx is done or Close is called.
//
// Wait costs two system calls, or four if it blocks. It does not allocate unless it
// blocks.
func (w *Watcher) Wait(ctx context.Context) (Events, error) {
	if ctx == nil {
		return 0, w.failed("Wait", fmt.Errorf("nil context: %w", os.ErrInvalid))
	}
	if w.closed.Load() {
		return 0, w.failed("Wait", os.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	urgent := w.urgent.Load()
	bits, err := w.watch.Look()
	if err != nil {
		return 0, w.failed("Wait", err)
	}
	if bits != 0 {
		return Events(bits), nil
	}
	return w.sleep(ctx, urgent)
}

// sleep is the slow path of Wait: it blocks until its round ends. It joins the round before
// it looks again, so an event is either seen by that Look, which ends the round, or comes
// later and ends it then. urgent is what the first Look was preceded by.
func (w *Watcher) sleep(ctx context.Context, urgent uint32) (Events, error) {
	done := ctx.Done() // before join: it can panic
	r, missed := w.join(urgent)
	if r == nil {
		bits, _ := w.watch.Look() // otherwise a pulse that was kept would be reported again
		return missed | Events(bits), nil
	}
	if _, err := w.watch.Look(); err != nil && w.leave(r) {
		return 0, w.failed("Wait", err)
	}
	select {
	case <-r.done:
	case <-done:
		if w.leave(r) {
			return 0, ctxdone.Err(ctx)
		}
	}
	if r.events == 0 {
		return 0, w.failed("Wait", os.ErrClosed)
	}
	return r.events, nil
}

// join returns the current round. After Close, that round has ended. If the poller has reported
// Priority since urgent was read, join returns that report and no round.
func (w *Watcher) join(urgent uint32) (r *round, missed Events) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.urgent.Load() != urgent && !w.closed.Load() {
		return nil, w.last
	}
	if w.round == nil {
		w.round = &round{done: make(chan struct{})}
		if w.closed.Load() {
			close(w.round.done)
		}
	}
	w.round.waiters++
	return w.round, 0
}

// leave removes a goroutine from its round, and returns false if the round has ended. Then the
// goroutine returns the events of the round, because no later Wait sees a pulse among them.
func (w *Watcher) leave(r *round) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round != r || w.closed.Load() {
		return false
	}
	if r.waiters--; r.waiters == 0 {
		w.round = nil
	}
	return true
}

// Rearm sends the current events to C again, if there are any. Use it when you have left
// data unread.
//
// It returns an error matching [os.ErrClosed] after Close, EBADF if the descriptor has been
// closed, or ENOENT or [ErrNotPollable] if its number is another open file by now.
//
// Rearm does not help if the descriptor only signals the state of another object, as
// ZeroMQ's ZMQ_FD does: receiving one message there can reset the descriptor although more
// messages are queued, so Rearm finds no event. Receive from such an object until it has no
// more, and only then receive from C.
//
// Rearm costs two system calls, or three if there is no event. It never waits for an event, and
// does not allocate.
func (w *Watcher) Rearm() error {
	if err := w.watch.Rearm(); err != nil {
		return w.failed("Rearm", err)
	}
	return nil
}

// Change replaces the events that the Watcher reports. Those of the new events that are
// there already are sent to C and wake the goroutines blocked in Wait. Events that are no
// longer asked for are removed from C's buffer, except HangUp and Failed.
//
// If the Watcher was not watching for Priority before, Priority of a file of proc or cgroup v2
// that comes before Change returns can be missed, as in [Watch]. If the descriptor is closed and
// its number reopened during a Change to Priority, Change can take such an event of the new file,
// and reports it only if the number refers to the first file again when the call ends.
//
// If Change returns an error, the Watcher keeps its old events. The error matches
// [os.ErrInvalid] if events contains unknown bits, EBADF if the descriptor has been closed,
// ENOENT or [ErrNotPollable] if its number is another open file by now, and [os.ErrClosed] after Close. If the
// Watcher needs a registration of its own, Change can also return what [Watch] returns when
// a limit is reached: ENOSPC, EINVAL, EMFILE, ENFILE.
//
// Change costs two or three system calls, about six if events contains Priority, or about twelve
// if other Watchers of the descriptor keep the old events, because this one then needs a
// registration of its own. It never waits for an event. It can yield the processor, and block for
// Priority, as [Watch] can.
func (w *Watcher) Change(events Events) error {
	err := events.check()
	if err == nil {
		err = w.watch.Change(uint32(events))
	}
	if err != nil {
		return w.failed("Change", err)
	}
	return nil
}

// Close stops watching, wakes the goroutines blocked in Wait, and closes C. A value in C's
// buffer can still be received. Close does not close the descriptor, and succeeds even if
// the descriptor has been closed. It never waits for a receiver, and can be called by a
// goroutine that is handling an event. A second Close returns an error matching
// [os.ErrClosed].
//
// Close costs two system calls if no other Watcher watches the descriptor for the same events, and
// none otherwise. It does not allocate. After the last Close of the process, the goroutines of the
// Watchers end, soon but not before Close returns.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed.Load() {
		w.mu.Unlock()
		return w.failed("Close", os.ErrClosed)
	}
	w.closed.Store(true)
	close(w.c) // nothing is sent any more: senders hold mu and look at closed first
	if w.round != nil {
		close(w.round.done)
	}
	w.mu.Unlock()
	w.watch.Close() // without holding mu, because the poller takes mu inside its own lock
	return nil
}

// failedWatch adds the call and the descriptor to an error of Watch.
func failedWatch(fd int, err error) error { return fmt.Errorf("bridge: Watch(%d): %w", fd, err) }

// failed adds the method and the descriptor to an error.
func (w *Watcher) failed(method string, err error) error {
	return fmt.Errorf("bridge: Watcher(%d).%s: %w", w.fd, method, err)
}
