package bridge

import (
	"context"
	"fmt"
	"os"
)

// A Set watches many descriptors for one consumer: epoll(7) for goroutines. Descriptors
// are added and removed while goroutines wait, and each has a key of the caller's, which
// comes with its events. As with a [Watcher], a descriptor stays its owner's: it is
// never read, written or closed, and its flags are not changed.
//
// A Set is level-triggered. A member that is ready is returned by each Poll and Wait
// until it has been read or written so far that it is not ready any more. A member that
// is not going to be served for a while is best changed to no events, or removed.
//
// Remove a descriptor before its owner closes it. If the owner has closed it first, the
// kernel forgets the member, unless a duplicate, such as that of a child process, keeps
// the open file alive: its events are then reported until Remove or Close.
//
// All methods can be called by many goroutines concurrently, and by the goroutine that is
// handling an event. The zero value is not usable. A Set costs one descriptor. It
// costs a goroutine only once C has been called. A member costs one registration in the
// kernel and about 60 bytes, and its key.
type Set[K any] struct {
	members members
	keys    []K // by slot; guarded by members
}

// An Event is a member of a Set that is ready.
type Event[K any] struct {
	Key    K
	Events Events
}

// NewSet returns a Set without members. Where there is no epoll the error matches
// [errors.ErrUnsupported].
func NewSet[K any]() (*Set[K], error) {
	s := new(Set[K])
	if err := s.members.open(); err != nil {
		return nil, fmt.Errorf("bridge: NewSet: %w", err)
	}
	return s, nil
}

// Add makes fd a member, which is watched for events and, unasked, for HangUp and Failed.
// If it is ready already, the next Poll or Wait returns it, and a Wait that is under way
// wakes up. It costs one system call; if events has Priority, a few more.
//
// It returns an error matching
//   - [os.ErrExist] if fd is in the Set. If its owner has closed the member, and fd is the
//     number of another open file by now, Add replaces the member.
//   - [ErrNotPollable] if epoll refuses the descriptor;
//   - EBADF if it is not open;
//   - [os.ErrInvalid] if it is not a possible descriptor number, or if events has other
//     bits than those of Events;
//   - ENOSPC or EINVAL, and naming the limit, if a limit of the kernel's has been reached
//     (fs.epoll.max_user_watches; 500 Sets or 250 Watchers of one open file);
//   - [os.ErrClosed] after Close.
func (s *Set[K]) Add(fd int, events Events, key K) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	slot, err := s.members.add(fd, events)
	if err != nil {
		return failedSet("Add", fd, err)
	}
	if slot == len(s.keys) {
		s.keys = append(s.keys, key)
	}
	s.keys[slot] = key
	return nil
}

// Change has the member be watched for other events. What is there already is returned
// by the next Poll or Wait, and no event that is no longer asked for is. It costs one
// system call.
//
// It returns an error matching [os.ErrNotExist] if fd is not in the Set, EBADF or ENOENT
// if the owner has closed it, [os.ErrInvalid] if events has other bits than those of
// Events, and [os.ErrClosed] after Close.
func (s *Set[K]) Change(fd int, events Events) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	if err := s.members.change(fd, events); err != nil {
		return failedSet("Change", fd, err)
	}
	return nil
}

// Remove ends the membership of fd. No Poll that begins later returns it. Its owner may
// have closed it. It costs one system call.
//
// It returns an error matching [os.ErrNotExist] if fd is not in the Set, and
// [os.ErrClosed] after Close.
func (s *Set[K]) Remove(fd int) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	slot, err := s.members.remove(fd)
	if err != nil {
		return failedSet("Remove", fd, err)
	}
	clear(s.keys[slot : slot+1])
	return nil
}

// Poll fills dst with members that are ready now and returns how many there are. It
// never blocks. If more are ready than dst has room for, they take turns: no member is
// returned twice before every other that is ready has been returned. After Close it
// returns 0. It costs one system call, and does not allocate once it has been called
// with so long a dst before.
func (s *Set[K]) Poll(dst []Event[K]) int {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	n, _ := s.poll(dst)
	return n
}

// poll is Poll. The caller holds the lock.
func (s *Set[K]) poll(dst []Event[K]) (int, error) {
	found, err := s.members.poll(len(dst))
	for i, f := range found {
		dst[i] = Event[K]{s.keys[f.slot], f.events}
	}
	return len(found), err
}

// Wait is Poll, but waits while no member is ready. Several goroutines in Wait may get
// the same member. With an empty dst it returns 0 without waiting.
//
// If ctx is done first, or already, Wait returns ctx.Err() and no events. It returns an
// error matching [os.ErrInvalid] if ctx is nil, and [os.ErrClosed] after Close, which
// wakes it up. If it waits, it costs a second system call, and an allocation if ctx can
// be done.
func (s *Set[K]) Wait(ctx context.Context, dst []Event[K]) (int, error) {
	if ctx == nil {
		return 0, fmt.Errorf("bridge: Set.Wait: the context is nil: %w", os.ErrInvalid)
	}
	s.members.mu.Lock()
	n, done, err := s.look(ctx, dst)
	s.members.mu.Unlock()
	if !done {
		n, err = s.sleep(ctx, dst)
	}
	if err != nil && err != ctx.Err() {
		err = fmt.Errorf("bridge: Set.Wait: %w", err)
	}
	return n, err
}

// sleep is Wait where there was nothing to return.
func (s *Set[K]) sleep(ctx context.Context, dst []Event[K]) (n int, err error) {
	s.members.wait(ctx, func() (done bool) {
		n, done, err = s.look(ctx, dst)
		return done
	})
	return n, err
}

// look is one look of Wait. The caller holds the lock.
func (s *Set[K]) look(ctx context.Context, dst []Event[K]) (n int, done bool, err error) {
	if s.members.closed {
		return 0, true, os.ErrClosed
	}
	if err := ctx.Err(); err != nil || len(dst) == 0 {
		return 0, true, err
	}
	n, err = s.poll(dst)
	return n, n > 0 || err != nil, err
}

// C returns a channel for use in select, the same one each time. It has a value when
// Poll has members to return, and after a Poll or Wait has returned members, since they
// can still be ready; a Poll that returns 0 takes the value away. After a receive call
// Poll: until then, C has a value again only when another member becomes ready. The
// buffer holds one value, so a slow receiver blocks nothing. Close closes the channel.
//
// From the first call on until Close the Set has a goroutine.
func (s *Set[K]) C() <-chan struct{} { return s.members.channel() }

// Close ends the Set and closes its channel. It leaves the members' descriptors alone,
// never blocks, and may be called by the goroutine that is handling an event. A second
// Close returns an error matching [os.ErrClosed].
func (s *Set[K]) Close() error {
	if !s.members.close() {
		return fmt.Errorf("bridge: Set.Close: %w", os.ErrClosed)
	}
	return nil
}

// String returns "Set(3 descriptors)", or "Set(closed)" after Close.
func (s *Set[K]) String() string { return s.members.String() }

// failedSet says which call failed on which descriptor.
func failedSet(call string, fd int, err error) error {
	return fmt.Errorf("bridge: Set.%s(%d): %w", call, fd, err)
}
