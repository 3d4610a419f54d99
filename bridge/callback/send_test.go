//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

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

func init() {
	roles["signal a queue"] = func() {
		syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
		q := must(queue.New[int64](4))
		must(chandle.Call(callback.Signal(), q.Handle(), 1)).Join()
	}
	roles["add to a queue"] = func() {
		syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
		q := must(queue.New[int64](4))
		must(chandle.Add(q.Handle(), 1, 1, forever)).Join()
	}
}

// Signaling the handle of a queue aborts the process with a message.
func TestSignalToAQueueIsRefused(t *testing.T) {
	const want = "eventchan: called with a handle of another kind, or of another version than this eventchan.h\n"
	for _, role := range []string{"signal a queue", "add to a queue"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			var errors bytes.Buffer
			child := exec.CommandContext(t.Context(), must(os.Executable()))
			child.Env = append(os.Environ(), roleKey+"="+role, "GOTRACEBACK=none")
			child.Stderr = &errors
			if err := child.Run(); err == nil {
				t.Error("the process succeeds, want it to abort")
			}
			if got := errors.String(); !strings.HasPrefix(got, want) || strings.Contains(got, "SIGSEGV") {
				t.Errorf("standard error is\n%s, want\n%s", got, want)
			}
		})
	}
}
