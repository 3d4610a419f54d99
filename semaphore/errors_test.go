package semaphore_test

import (
	"strings"
	"testing"

	"github.com/eventchan/eventchan/semaphore"
)

// An error text is the package, the call with its argument, and the cause.
func TestErrorTexts(t *testing.T) {
	s, err := semaphore.New(1)
	if err != nil {
		t.Fatal(err)
	}
	nilCtx := s.Acquire(nil, 1) //lint:ignore SA1012 the bad input under test
	s.Close()
	_, negative := semaphore.New(-3)
	_, fromFD := semaphore.FromFD(-7)
	_, fromProcess := semaphore.FromProcess(0, 5)
	for want, err := range map[string]error{
		"semaphore: Acquire: nil context: invalid argument":                nilCtx,
		"semaphore: Acquire: file already closed":                          s.Acquire(background, 1),
		"semaphore: New(-3): negative number of permits: invalid argument": negative,
		"semaphore: FromFD(-7): ":                                          fromFD,
		"semaphore: FromProcess(0, 5): ":                                   fromProcess,
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %q, want it to begin with %q", err, want)
		}
	}
}
