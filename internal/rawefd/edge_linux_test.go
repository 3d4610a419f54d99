//go:build !eventchan_pipe

package rawefd_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// On Linux a wake-up needs no read of the doorbell. On other systems the doorbell is drained,
// which costs one more system call per wake-up.
func TestEveryWriteIsAnEdge(t *testing.T) {
	s := newSleeper(t)
	t.Logf("every write to an eventfd is an edge: %v", !s.Drains())
	if s.Drains() && hammer.InCI() {
		t.Error("a write to an eventfd that is already readable is not an edge on this kernel")
	}
}
