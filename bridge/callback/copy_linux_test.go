//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// program holds the files of a program in another module, with C code of its own.
var program = map[string]string{
	"go.mod": `module copied

go 1.26.0

require github.com/eventchan/eventchan v0.0.0

replace github.com/eventchan/eventchan => `,

	"main.go": `package main

/*
#include "eventchan.h"

int from_c(void *handle);
*/
import "C"

import (
	"fmt"

	"github.com/eventchan/eventchan/notify"
)

func main() {
	n, err := notify.New()
	if err != nil {
		panic(err)
	}
	handle := n.Handle()
	fmt.Print(C.eventchan_add(handle, 5), C.from_c(handle), " ")
	fmt.Print(n.TryWait())
	n.Close()
	fmt.Print(" ", C.eventchan_add(handle, 7) == C.EBADF)
}
`,

	"from.c": `#include "eventchan.h"

int from_c(void *handle)
{
	eventchan_signal(handle);
	return eventchan_add(handle, UINT64_C(1) << 32);
}
`,
}

// The two commands that the package comment shows work in another module.
func TestHeaderReachesOtherModules(t *testing.T) {
	if !hammer.InCI() {
		t.Skip("builds and links twice: only with EVENTCHAN_CI=1")
	}
	t.Parallel()
	commands := regexp.MustCompile(`(?m)^//\t(install|CGO_CFLAGS).*\$\(go list.*$`).FindAllString(read(t, "doc.go"), -1)
	if len(commands) != 2 {
		t.Fatalf("the package comment shows the commands %q, want 2", commands)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program["go.sum"] = read(t, "../../go.sum")
	for name, text := range program {
		if name == "go.mod" {
			text += root + "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shell := func(line string) string {
		t.Helper()
		command := exec.CommandContext(t.Context(), "sh", "-ec", line)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "PWD="+dir)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, output)
		}
		return string(output)
	}
	for _, line := range []string{
		commands[0][3:] + "\ntest $(stat -c %a eventchan.h) = 644\ngo build",
		"rm eventchan.h copied\n" + commands[1][3:],
	} {
		shell(line)
		if got, want := shell("./copied"), "0 0 4294967302 true true"; got != want {
			t.Errorf("after %s\nthe program prints %q, want %q", line, got, want)
		}
	}
}
