// Package handletest signals and sends through a handle as C threads do, for tests
// without C. It uses the layout in docs/protocol.md and shares no code with
// the packages that it tests.
package handletest

// An Answer is what eventchan_send, eventchan_reserve or eventchan_commit returns.
type Answer string

// The Answers of bridge/callback/eventchan.h.
const (
	OK        Answer = "0"
	Full      Answer = "EAGAIN"
	Late      Answer = "EBADF" // after Close, or with a nil handle
	WrongSize Answer = "EINVAL"
)
