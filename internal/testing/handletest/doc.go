// Package handletest signals and sends through a handle as C threads do, for tests
// that have no C. It knows the layout from docs/protocol.md and shares no code with
// what it tests.
package handletest

// An Answer is what eventchan_send, eventchan_reserve or eventchan_commit returns.
type Answer string

// The Answers of bridge/callback/eventchan.h.
const (
	OK        Answer = "0"
	Full      Answer = "EAGAIN"
	Late      Answer = "EBADF" // after Close, or through a nil handle
	WrongSize Answer = "EINVAL"
)
