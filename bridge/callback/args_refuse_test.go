//go:build cgo && unix && (amd64 || arm64 || loong64 || riscv64)

package callback_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/chandle"
)

func init() { roles["other values"] = sendToOtherValues }

// Sending Args to a queue of other values aborts the process with a message. Otherwise the
// queue would silently stay empty.
func TestSendAtRefusesOtherValues(t *testing.T) {
	const want = "eventchan: callback.SendAt: the values of the queue are not callback.Args\n"
	var errors bytes.Buffer
	child := exec.CommandContext(t.Context(), must(os.Executable()))
	child.Env = append(os.Environ(), roleKey+"=other values", "GOTRACEBACK=none")
	child.Stderr = &errors
	if err := child.Run(); err == nil {
		t.Error("the process succeeds, want it to abort")
	}
	if got := errors.String(); !strings.HasPrefix(got, want) {
		t.Errorf("standard error is\n%s, want\n%s", got, want)
	}
}

func sendToOtherValues() {
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	q := must(queue.New[int64](1))
	chandle.CallShape(0, callback.SendAt(0), q.Handle())
}
