package queue_test

import (
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// An error names the package, the call with its arguments, and the cause.
func TestErrorTexts(t *testing.T) {
	q, pointers := mustNew[int64](t, 4), mustNew[*int](t, 4)
	of := func(_ any, err error) error { return err }
	//lint:ignore SA1012 a nil ctx is the bad input under test
	_, nilReceive := q.Receive(nil)
	q.Close()
	for want, err := range map[string]error{
		"queue: New[struct {}](4): values of 0 bytes, not of 1 to 65535: invalid argument": newOf[struct{}](4)(),
		"queue: New[[]string](4): values contain a []string: invalid argument":             newOf[[]string](4)(),
		"queue: New[int64](-1): capacity is less than 1: invalid argument":                 newOf[int64](-1)(),
		"queue: Send: *int contains a pointer: invalid argument":                           pointers.Send(nil),
		"queue: Send: file already closed":                                                 q.Send(1),
		"queue: Receive: nil context: invalid argument":                                    nilReceive,
		"queue: Receive: file already closed":                                              of(q.Receive(background)),
		"queue: ReceiveBatch: file already closed":                                         of(q.ReceiveBatch(background, make([]int64, 1))),
		"queue: Close: file already closed":                                                q.Close(),
		"queue: full":                                                                      queue.ErrFull,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
