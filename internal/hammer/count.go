package hammer

import (
	"errors"
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
	f, err := rawefd.New(0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(func() {})
	_, err = f.Count()
	Counted(t, err)
}
