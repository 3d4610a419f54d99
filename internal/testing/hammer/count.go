package hammer

import (
	"errors"
	"sync"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// Counted skips the test if err, which a Count returned, says that this system does not
// show the count of an eventfd. gVisor does not.
func Counted(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
}

// NeedsCount is Counted for tests that count in other goroutines. It tries with an
// eventfd of its own.
func NeedsCount(t testing.TB) {
	t.Helper()
	err := tryCount()
	Counted(t, err)
	if err != nil {
		t.Fatal(err)
	}
}

// ShowsCount reports whether this system shows the count of an eventfd.
var ShowsCount = sync.OnceValue(func() bool { return tryCount() == nil })

func tryCount() error {
	f, err := rawefd.New(0, false)
	if err != nil {
		return err
	}
	defer f.Close(func() {})
	_, err = f.Count()
	return err
}
