package bridge

import (
	"fmt"
	"os"
	"strings"
)

// Events is a set of readiness events of a descriptor. The values are those of epoll(7).
type Events uint32

const (
	Readable   Events = 0x001  // reading would not block (EPOLLIN)
	Priority   Events = 0x002  // an exceptional condition, such as out-of-band data (EPOLLPRI)
	Writable   Events = 0x004  // writing would not block (EPOLLOUT)
	Failed     Events = 0x008  // an error condition (EPOLLERR); always reported
	HangUp     Events = 0x010  // the other end is closed (EPOLLHUP); always reported
	PeerClosed Events = 0x2000 // the peer of a stream socket has shut down writing (EPOLLRDHUP)

	unasked = Failed | HangUp
	all     = Readable | Priority | Writable | PeerClosed | unasked
)

var names = []struct {
	bit  Events
	name string
}{
	{Readable, "Readable"},
	{Writable, "Writable"},
	{Priority, "Priority"},
	{PeerClosed, "PeerClosed"},
	{HangUp, "HangUp"},
	{Failed, "Failed"},
}

// String returns the names of the events, such as "Readable|HangUp". Unknown bits are
// formatted as one hexadecimal number, and the empty set as "0x0".
func (e Events) String() string {
	var words []string
	for _, n := range names {
		if e&n.bit != 0 {
			words = append(words, n.name)
		}
	}
	if rest := e &^ all; rest != 0 || e == 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(rest)))
	}
	return strings.Join(words, "|")
}

// check returns an error if e contains unknown bits.
func (e Events) check() error {
	if rest := e &^ all; rest != 0 {
		return fmt.Errorf("unknown event bits %v: %w", rest, os.ErrInvalid)
	}
	return nil
}
