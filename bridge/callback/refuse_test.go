//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/handletest"
)

func init() { roles["refused"] = signalReadOnly }

// A pointer that is not a handle aborts the process with a message, before anything is
// written through it.
func TestOtherPointersAreRefused(t *testing.T) {
	const notHandle = "eventchan: called with a pointer that is not a handle; is the handle another argument of the callback?\n"
	const otherKind = "eventchan: called with a handle of another kind, or of another version than this eventchan.h\n"
	for name, test := range map[string]struct {
		magic uint64
		want  string
	}{
		"zeros":                    {0, notHandle},
		"text":                     {0x6c6c657720657261, notHandle},
		"another version":          {doorbell.Magic ^ 3<<8, otherKind},
		"another kind":             {doorbell.Magic ^ 3, otherKind},
		"another kind and version": {doorbell.Magic ^ 0x303, otherKind},
		"almost a handle":          {doorbell.Magic ^ 1<<16, notHandle},
	} {
		for _, call := range []string{"0", "1", "4294967296", "18446744073709551615", "callback.Signal"} {
			t.Run(name+", "+call, func(t *testing.T) {
				t.Parallel()
				var errors bytes.Buffer
				child := exec.CommandContext(t.Context(), must(os.Executable()), strconv.FormatUint(test.magic, 10), call)
				child.Env = append(os.Environ(), roleKey+"=refused", "GOTRACEBACK=none")
				child.Stderr = &errors
				if err := child.Run(); err == nil {
					t.Error("the process succeeds, want it to abort")
				}
				if got := errors.String(); !strings.HasPrefix(got, test.want) || strings.Contains(got, "SIGSEGV") {
					t.Errorf("standard error is\n%s, want\n%s", got, test.want)
				}
			})
		}
	}
}

// signalReadOnly signals through a pointer to read-only memory with a magic number, in the
// way given by the arguments of the process.
func signalReadOnly() {
	magic, how := must(strconv.ParseUint(os.Args[1], 10, 64)), os.Args[2]
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	page := must(rawefd.NewPage())
	(*handletest.Slot)(page).Magic = magic
	if err := syscall.Mprotect(unsafe.Slice((*byte)(page), rawefd.PageSize), syscall.PROT_READ); err != nil {
		panic(err)
	}
	if how == "callback.Signal" {
		must(chandle.Call(callback.Signal(), page, 1)).Join()
		return
	}
	must(chandle.Add(page, must(strconv.ParseUint(how, 10, 64)), 1, forever)).Join()
}
