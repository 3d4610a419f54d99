package hammer

import (
	"errors"
	"sync"
	"testing"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// Counted skips the test if err, which a Count has returned, says that this system does not
// show the count of an eventfd. gVisor does not.
func Counted(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
}

// NeedsCount is Counted for tests that call Count in other goroutines. It opens an eventfd to
// find out.
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
