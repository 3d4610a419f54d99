// Package bridge turns the readiness of any descriptor into a Go channel: of a
// pipe, a socket, a timerfd, an inotify or GPIO descriptor, whatever epoll(7) can
// watch and C code or the kernel makes ready. A [Watcher] is for one descriptor, a [Set]
// for many that one goroutine serves.
package bridge

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/eventchan/eventchan/internal/poller"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// ErrNotPollable is matched by the error of a Watch on a descriptor that epoll
// refuses: a regular file or a directory, which are always ready, or epoll
// instances nested too deeply.
var ErrNotPollable = rawefd.ErrNotPollable

// A Watcher reports the readiness of a descriptor that stays its owner's: it is
// never read, written or closed, its flags are not changed, whether it blocks or
// not, and no duplicate keeps its file open. Any number of Watchers may watch one
// descriptor.
//
// The owner may close the descriptor first. The Watcher then hears no more
// of it, nor of a new descriptor that gets the same number, and Wait fails or
// blocks until Close.
//
// All methods can be called by many goroutines concurrently. The zero value is not
// usable. A Watcher costs no descriptor and no goroutine of its own. All Watchers
// together usually cost two of each. See epoll(7).
type Watcher struct {
	fd    int
	watch *poller.Watch
	c     chan Events // sent to and closed under mu

	mu     sync.Mutex
	closed atomic.Bool // written under mu
	round  *round      // what goroutines in Wait wait for; nil if there are none
}

// A round is one event for all goroutines that wait for it.
type round struct {
	done   chan struct{}
	events Events // written before done is closed; none if the Watcher was closed
}

// Watch starts to watch fd for events. HangUp and Failed are reported unasked, so
// events may be 0. What is ready already is in C's buffer when Watch returns.
//
// It returns an error matching
//   - [ErrNotPollable] if epoll refuses the descriptor;
//   - EBADF if it is not open;
//   - [os.ErrInvalid] if it is not a possible descriptor number, or if events has other
//     bits than those of Events;
//   - ENOSPC or EINVAL, and naming the limit, if a limit of the kernel's has been reached
//     (fs.epoll.max_user_watches; 250 numbers, sets of events or processes for one open
//     file);
//   - [errors.ErrUnsupported] where there is no epoll.
func Watch(fd int, events Events) (*Watcher, error) {
	w := &Watcher{fd: fd, c: make(chan Events, 1)}
	if fd < 0 || fd > math.MaxInt32 {
		return nil, failedWatch(fd, fmt.Errorf("descriptor number out of range: %w", os.ErrInvalid))
	}
	err := events.check()
	if err != nil {
		return nil, failedWatch(fd, err)
	}
	if w.watch, err = poller.NewWatch(fd, uint32(events), (*target)(w)); err != nil {
		return nil, failedWatch(fd, err)
	}
	return w, nil
}

// C returns the channel of edges: each time that the descriptor becomes ready,
// or more ready than it was, the events that are there then. It is the same
// channel each time. Its buffer of one merges what was not received yet, so a slow
// receiver blocks nothing; it learns that something happened, not how often.
// After a receive, read or write the descriptor until it would block, or call
// [Watcher.Rearm]: what is left over makes no new edge. Close closes the channel.
func (w *Watcher) C() <-chan Events {
	return w.c
}

// Wait returns the events that are there now, and waits while there are none. It is
// level-triggered: it returns immediately for as long as the descriptor is ready, and
// every goroutine that waits returns. It takes nothing from C.
//
// If ctx is done first, or is already done, Wait returns ctx.Err(). Close wakes it with an
// error matching [os.ErrClosed]. If ctx is nil, Wait returns an error matching
// [os.ErrInvalid]. After the owner has closed the descriptor there are three cases: Wait
// returns EBADF, or ENOENT if the number means another file by now, or it goes on waiting
// if the kernel does not report that.
//
// It costs two system calls, or four if it waits. It does not allocate unless it waits.
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
	bits, err := w.watch.Look()
	if err != nil {
		return 0, w.failed("Wait", err)
	}
	if bits != 0 {
		return Events(bits), nil
	}
	return w.sleep(ctx)
}

// sleep waits for the next round. It joins that round before it looks again, so
// an event is either seen by Look, which ends the round, or ends it later.
func (w *Watcher) sleep(ctx context.Context) (Events, error) {
	r := w.join()
	if _, err := w.watch.Look(); err != nil {
		return 0, w.failed("Wait", err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if r.events == 0 {
		return 0, w.failed("Wait", os.ErrClosed)
	}
	return r.events, nil
}

func (w *Watcher) join() *round {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round == nil {
		w.round = &round{done: make(chan struct{})}
		if w.closed.Load() {
			close(w.round.done)
		}
	}
	return w.round
}

// Rearm puts the events that are there now into C as if they were new, and does
// nothing if there are none: for a receiver that leaves some of the data for
// later. The error matches [os.ErrClosed] after Close, and is as that of Wait if
// the owner has closed the descriptor.
//
// Rearm is the wrong tool where the descriptor stands for the state of another object, as
// ZeroMQ's ZMQ_FD does: one receive there takes the news of all messages from the
// descriptor, and Rearm finds nothing. Receive from the object until it has no more, and
// only then from C.
func (w *Watcher) Rearm() error {
	if err := w.watch.Rearm(); err != nil {
		return w.failed("Rearm", err)
	}
	return nil
}

// Change has the Watcher report other events from now on. Those of them that are
// there now are sent to C as a new edge, and wake the goroutines in Wait. What is in
// C's buffer and is no longer asked for is taken out of it; HangUp and Failed stay.
//
// If it returns an error, the Watcher goes on with the events that it had. The error
// matches [os.ErrInvalid] if events has other bits than those of Events, EBADF or
// ENOENT if the owner has closed the descriptor, and [os.ErrClosed] after Close. Change
// costs two system calls, or about ten if other Watchers of the descriptor stay with
// the old events, because this one then gets a registration of its own.
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

// Close stops watching and closes C; what is in its buffer can still be received.
// It leaves the descriptor alone, open or not. Close never waits for a receiver
// and may be called by the goroutine that is handling an event. A second Close
// returns an error that matches [os.ErrClosed].
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed.Load() {
		w.mu.Unlock()
		return w.failed("Close", os.ErrClosed)
	}
	w.closed.Store(true)
	close(w.c) // which could wait until mu is free, since nothing is sent once closed is set
	if w.round != nil {
		close(w.round.done)
	}
	w.mu.Unlock()
	w.watch.Close() // without mu, which the poller takes inside its own lock
	return nil
}

// failedWatch adds the call and the descriptor to an error of Watch.
func failedWatch(fd int, err error) error { return fmt.Errorf("bridge: Watch(%d): %w", fd, err) }

// failed adds the method and the descriptor to an error.
func (w *Watcher) failed(method string, err error) error {
	return fmt.Errorf("bridge: Watcher(%d).%s: %w", w.fd, method, err)
}
