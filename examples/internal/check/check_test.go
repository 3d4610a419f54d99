package check_test

import (
	"errors"

	"github.com/eventchan/eventchan/examples/internal/check"
)

func some() error { return errors.New("2, want 3") }

// The times are left out: Go's examples compare whole outputs, so only failures are shown.
func ExampleRun() {
	check.Run([]check.Check{{Name: "sum", Run: some}, {Name: "order", Run: some}}, false)
	check.Run([]check.Check{{Name: "sum", Run: some}, {Name: "order", Run: some}}, true)
	// Output:
	// FAIL sum: 2, want 3
	// FAIL order: 2, want 3
	// 2 of 2 checks failed
	// FAIL sum: 2, want 3
	// 1 of 2 checks failed
}
