//go:build !eventchan_pipe

package rawefd_test

import (
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// Linux needs no read per wake-up. Where this is not so, the doorbell is drained,
// which costs one system call more.
func TestEveryWriteIsAnEdge(t *testing.T) {
	s := newSleeper(t)
	t.Logf("every write to an eventfd is an edge: %v", !s.Drains())
	if s.Drains() && hammer.InCI() {
		t.Error("a write to an eventfd that is readable already is not an edge on this kernel")
	}
}
