//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// declared holds the files of a module with C code in two packages, which declares the
// functions that it calls instead of including the header.
var declared = map[string]string{
	"main.go": `package main

/*
#include <stdint.h>
extern int eventchan_add(void *handle, uint64_t n);
extern long eventchan_signal(void *handle);
*/
import "C"

import (
	"fmt"

	_ "github.com/eventchan/eventchan/bridge/callback"
	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/notify"

	"copied/sender"
)

func main() { fmt.Println(try()) }

func try() (any, any, any) {
	n, err := notify.New()
	if err != nil {
		panic(err)
	}
	q, err := queue.New[int64](4)
	if err != nil {
		panic(err)
	}
	C.eventchan_add(n.Handle(), 5)
	C.eventchan_signal(n.Handle())
	sender.Send(q.Handle(), 42)
	count, _ := n.TryWait()
	value, ok := q.TryReceive()
	return count, value, ok
}
`,
	"main_test.go": `package main

import "testing"

func TestTry(t *testing.T) {
	if count, value, ok := try(); count != uint64(6) || value != int64(42) || ok != true {
		t.Error(count, value, ok)
	}
}
`,
	"sender/sender.go": `package sender

/*
#include <stddef.h>
extern int eventchan_send(void *queue, const void *value, size_t size);
static int send_long(void *queue, long long v) { return eventchan_send(queue, &v, sizeof v); }
*/
import "C"

import (
	"unsafe"

	_ "github.com/eventchan/eventchan/bridge/callback"
)

func Send(queue unsafe.Pointer, v int64) int { return int(C.send_long(queue, C.longlong(v))) }
`,
}

// C code of another module can call a function that it only declares, if the Go code of the
// program imports this package.
func TestSymbolsReachOtherModules(t *testing.T) {
	if !hammer.InCI() {
		t.Skip("builds and links five times: only with EVENTCHAN_CI=1")
	}
	t.Parallel()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	declared["go.mod"], declared["go.sum"] = program["go.mod"]+root+"\n", read(t, "../../go.sum")
	for name, text := range declared {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run := func(want string, args ...string) {
		t.Helper()
		command := exec.Command("go", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		output, err := command.CombinedOutput()
		if err != nil || want != "" && string(output) != want {
			t.Errorf("go %v: %v\n%s\nwant %q", args, err, output, want)
		}
	}
	run("6 42 true\n", "run", ".")
	run("", "vet", "./...")
	run("", "test", "-race", ".")
	run("", "build", "-buildmode=c-archive", "-o", filepath.Join(dir, "out.a"), ".")
	run("", "build", "-buildmode=c-shared", "-o", filepath.Join(dir, "out.so"), ".")
}
