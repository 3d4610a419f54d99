package bridge

import (
	"context"
	"fmt"
	"os"
)

// A Set reports the readiness of many file descriptors to one consumer: it is epoll(7)
// for goroutines. Descriptors can be added and removed while goroutines wait. A
// descriptor in the Set is called a member. The caller gives each member a key, which is
// returned with its events. As with a [Watcher], the caller keeps ownership of the
// descriptor: the Set never reads, writes, duplicates or closes it, and does not change
// its flags.
//
// A Set is level-triggered: every Poll and Wait returns a ready member again until it has
// been read or written far enough that it is no longer ready. If a member is not going to
// be served for a while, remove it, or change its events to 0, which leaves HangUp and
// Failed. While Priority of a file of proc or cgroup v2, such as /proc/self/mountinfo or
// cgroup.events, is asked for, all events of that file are edge-triggered instead: each is
// returned once, even if the file has not been read since.
//
// Remove a descriptor before closing it. If it is closed first, the kernel drops the
// member, unless a duplicate, for example in a child process, keeps the open file alive:
// its events are then reported until Remove or Close.
//
// All methods are safe for concurrent use. The zero value is not usable. After Close,
// methods that return an error return one matching [os.ErrClosed], or [os.ErrInvalid] if an
// argument is invalid.
//
// A Set uses one descriptor, and one goroutine once C has been called. A member costs one
// registration in the kernel and about 60 bytes besides its key.
type Set[K any] struct {
	members members
	keys    []K // by slot; guarded by members.mu
	leader  leader[K]
}

// An Event is a ready member of a [Set]: its key, and the events that it is ready for.
type Event[K any] struct {
	Key    K
	Events Events
}

// NewSet returns a Set without members. It returns an error matching
//   - EMFILE or ENFILE if no descriptor is available;
//   - ENOSPC, with a text that names the limit, if fs.epoll.max_user_watches is reached;
//   - [errors.ErrUnsupported] on systems without epoll.
func NewSet[K any]() (*Set[K], error) {
	s := new(Set[K])
	if err := s.members.open(); err != nil {
		return nil, fmt.Errorf("bridge: NewSet: %w", err)
	}
	s.leader.look = s.lookAsLeader
	return s, nil
}

// Add makes fd a member, which is watched for events. HangUp and Failed are always reported, so
// events can be 0; but files of proc and cgroup v2, which report Failed with Priority and to one
// poll only, need Priority. If fd is ready already, the next Poll or Wait returns it, and a
// goroutine blocked in Wait wakes up. If the descriptor of a member has been closed
// and fd is the same number for another open file, Add replaces that member. Once that has
// happened, or a member with this number was closed before Remove, Add also replaces a member
// whose descriptor is still open, and returns nil instead of [os.ErrExist].
//
// Priority of a file of proc or cgroup v2, such as /proc/pressure/memory or
// /proc/self/mountinfo, can be missed if it comes during the call, so call Add first and then
// read the file.
//
// It returns an error matching
//   - [os.ErrExist] if fd is in the Set already, but see above;
//   - [ErrNotPollable] if the descriptor is of a kind that cannot be watched;
//   - EBADF if fd is not open;
//   - [os.ErrInvalid] if fd is negative or greater than [math.MaxInt32], or if events
//     contains unknown bits;
//   - ENOSPC or EINVAL, with a text that names the limit, if a limit of the kernel is
//     reached: fs.epoll.max_user_watches, or 500 Sets or 250 Watchers per open file;
//   - [os.ErrClosed] after Close.
//
// Add costs two or three system calls, or about nine if events contains Priority. One of these is
// fstatfs(2), which blocks while a network file system does not answer; so do then the other
// calls of the Set.
func (s *Set[K]) Add(fd int, events Events, key K) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	old, replaces := s.members.numbers[int32(fd)]
	slot, err := s.members.add(fd, events)
	if err != nil {
		return failedSet("Add", fd, err)
	}
	if replaces {
		clear(s.keys[old : old+1])
	}
	if slot == len(s.keys) {
		s.keys = append(s.keys, key)
	}
	s.keys[slot] = key
	return nil
}

// Change replaces the events that the member fd is watched for. If one of the new events
// is there already, the next Poll or Wait returns it. No later Poll or Wait returns an
// event that is no longer asked for, except HangUp and Failed.
//
// If the member was not watched for Priority before, Priority of a file of proc or cgroup v2
// that comes before Change returns can be missed, as in [Set.Add]. If the descriptor is closed
// and its number reopened during a Change to Priority, Change can take such an event of the new
// file, and reports it only if the number refers to the first file again when the call ends.
//
// If Change returns an error, the member keeps its old events. The error matches
//   - [os.ErrNotExist] if fd is not in the Set;
//   - EBADF if the descriptor has been closed, or ENOENT or [ErrNotPollable] if its number
//     is another open file by now;
//   - [os.ErrInvalid] if events contains unknown bits;
//   - [os.ErrClosed] after Close.
//
// Change costs one system call, or a few more if events contains Priority; see [Set.Add].
func (s *Set[K]) Change(fd int, events Events) error {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	if err := s.members.change(fd, events); err != nil {
		return failedSet("Change", fd, err)
	}
	return nil
}

// Remove removes fd from the Set. No Poll or Wait that begins later returns it. Remove
// succeeds even if the descriptor has been closed.
//
// It returns an error matching [os.ErrNotExist] if fd is not in the Set, and one matching
// [os.ErrClosed] after Close. It costs one system call.
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

// Poll fills dst with members that are ready now and returns their number. If more are
// ready than fit in dst, they take turns: no member is returned twice before every other
// ready member has been returned once. The turns begin anew after a Poll that has returned all
// ready members. Poll never blocks. After Close it returns 0.
//
// It costs one system call. Each ready descriptor that was closed while it was a member, and
// has a duplicate, can add one. Poll allocates only to enlarge its buffers, when dst is longer
// or more such descriptors are ready than in any earlier call.
func (s *Set[K]) Poll(dst []Event[K]) int {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	n, _ := s.poll(dst)
	return n
}

// poll is Poll with the error of the kernel. The caller holds the lock.
func (s *Set[K]) poll(dst []Event[K]) (int, error) {
	found, err := s.members.poll(len(dst))
	for i, f := range found {
		dst[i] = Event[K]{s.keys[f.slot], f.events}
	}
	return len(found), err
}

// Wait is like [Set.Poll], but blocks until a member is ready, ctx is done or the Set is
// closed. Several goroutines in Wait can get the same member. If dst is empty, Wait
// returns 0 without blocking, and nil unless ctx is done or the Set is closed.
//
// If ctx is done first, or is already done, Wait returns 0 and ctx.Err(). If the Set is
// closed, before or during the call, Wait returns an error matching [os.ErrClosed]. If ctx
// is nil, it returns an error matching [os.ErrInvalid].
//
// Wait costs one system call, or three if it blocks. It allocates if it blocks and ctx can
// be canceled, or another goroutine is already waiting.
func (s *Set[K]) Wait(ctx context.Context, dst []Event[K]) (int, error) {
	if ctx == nil {
		return 0, fmt.Errorf("bridge: Set.Wait: nil context: %w", os.ErrInvalid)
	}
	return s.wait(ctx, dst)
}

// C returns a channel for use in a select statement. Every call returns the same channel.
// It gets a value when a member becomes ready, and after a Poll or Wait that has returned
// members, because they might still be ready. A Poll that returns 0 takes the value out. After
// receiving from C, call Poll, which can nevertheless return 0: until then, C gets another value
// only when another member becomes ready.
//
// The buffer holds one value, so a slow receiver blocks nothing and loses nothing. Close
// closes the channel. From the first call of C until Close, the Set uses one goroutine, which
// belongs to a testing/synctest bubble if that call was made in one.
func (s *Set[K]) C() <-chan struct{} { return s.members.channel() }

// Close closes the Set and its channel, and wakes the goroutines blocked in Wait. It does
// not close the members' descriptors. Close never blocks, and can be called by a goroutine
// that is handling an event. A second Close returns an error matching [os.ErrClosed].
func (s *Set[K]) Close() error {
	if !s.members.close() {
		return fmt.Errorf("bridge: Set.Close: %w", os.ErrClosed)
	}
	return nil
}

// String returns a text such as "Set(3 descriptors)", or "Set(closed)" after Close. It
// never blocks.
func (s *Set[K]) String() string { return s.members.String() }

// failedSet adds the call and the descriptor to an error.
func failedSet(call string, fd int, err error) error {
	return fmt.Errorf("bridge: Set.%s(%d): %w", call, fd, err)
}
