package notify_test

import (
	"strings"
	"testing"

	"github.com/eventchan/eventchan/notify"
)

// An error text is the package, the call with its argument, and the cause.
func TestErrorTexts(t *testing.T) {
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	mustAdd(t, n, notify.MaxCount)
	overflow := n.Add(3)
	_, nilCtx := n.Wait(nil) //lint:ignore SA1012 a nil ctx is the bad input under test
	n.Close()
	_, fromFD := notify.FromFD(-7)
	_, fromProcess := notify.FromProcess(0, 5)
	for want, err := range map[string]error{
		"notify: Add(3): count exceeds the maximum":   overflow,
		"notify: Wait: nil context: invalid argument": nilCtx,
		"notify: Add(2): file already closed":         n.Add(2),
		"notify: FromFD(-7): ":                        fromFD,
		"notify: FromProcess(0, 5): ":                 fromProcess,
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %q, want it to begin with %q", err, want)
		}
	}
}
