package callback_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/testing/hammer"
	"github.com/eventchan/eventchan/internal/testing/handletest"
	"github.com/eventchan/eventchan/internal/word"
)

// The header does not need cgo, so these tests need only a C compiler.

// header returns the text of eventchan.h. The test itself reads the file, so that go test
// notices when it changes.
func header(t *testing.T) string { t.Helper(); return read(t, "eventchan.h") }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compile compiles C or C++ source together with a header. It returns the path of the
// program, or the messages of the compiler.
func compile(t *testing.T, header, source, compiler string, flags ...string) (program, complaint string) {
	t.Helper()
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skipf("the C header cannot be tested: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "eventchan.h"), []byte(header), 0o644); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "program")
	language := "c"
	if strings.HasSuffix(compiler, "++") {
		language = "c++"
	}
	command := exec.Command(compiler, append(flags, "-x", language, "-I", dir, "-pthread", "-o", program, "-")...)
	command.Dir = dir // where #include looks first
	command.Stdin = strings.NewReader(source)
	output, err := command.CombinedOutput()
	if err != nil {
		return "", string(output) + err.Error()
	}
	return program, string(output)
}

// dialects are the language versions that the header supports. clang is tested if it is
// installed.
var dialects = map[string][]string{
	"gcc":     {"c99", "gnu99", "c11", "gnu11", "c17", "gnu17"},
	"g++":     {"c++11", "c++14", "c++17", "c++20"},
	"clang":   {"c99", "gnu99", "c11", "gnu11", "c17", "gnu17"},
	"clang++": {"c++11", "c++14", "c++17", "c++20"},
}

// strict returns flags that turn on the warnings that a user's project might forbid.
func strict(compiler, standard string) []string {
	flags := []string{"-std=" + standard, "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-pedantic", "-Werror"}
	if strings.HasSuffix(compiler, "++") {
		return append(flags, "-Wold-style-cast")
	}
	return append(flags, "-Wdeclaration-after-statement")
}

const unused = "#include \"eventchan.h\"\nint main(void) { return 0; }\n"

const used = `
#include "eventchan.h"
#include "eventchan.h"

static void (*const callback)(void *) = eventchan_signal;

int main(void)
{
	struct eventchan e = { 40, EVENTCHAN_MAGIC, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	callback(&e);
	return eventchan_add(&e, 1) || e.word != 42;
}
`

// The header compiles without warnings in every dialect. Outside CI, only the oldest and
// the newest dialect of each compiler are tested.
func TestHeaderCompilesWithoutWarnings(t *testing.T) {
	text := header(t)
	for compiler, standards := range dialects {
		if _, err := exec.LookPath(compiler); err != nil && strings.HasPrefix(compiler, "clang") {
			t.Logf("without %s: %v", compiler, err)
			continue
		}
		if !hammer.InCI() {
			standards = []string{standards[0], standards[len(standards)-1]}
		}
		for _, standard := range standards {
			t.Run(compiler+" "+standard, func(t *testing.T) {
				t.Parallel()
				flags := strict(compiler, standard)
				program := mustCompile(t, text, used, compiler, append(flags, "-O2")...)
				if output, err := exec.Command(program).CombinedOutput(); err != nil {
					t.Errorf("adding 1 twice to 40 does not make 42: %v %s", err, output)
				}
				mustCompile(t, text, unused, compiler, append(flags, "-fsyntax-only")...)
			})
		}
	}
}

func mustCompile(t *testing.T, header, source, compiler string, flags ...string) (program string) {
	t.Helper()
	program, complaint := compile(t, header, source, compiler, flags...)
	if complaint != "" {
		t.Fatalf("%s %s:\n%s", compiler, flags, complaint)
	}
	return program
}

func TestHeaderRefusesTargetsWithoutAtomics(t *testing.T) {
	_, complaint := compile(t, header(t), unused, "gcc",
		"-U__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8", "-U__GCC_ATOMIC_LLONG_LOCK_FREE", "-D__GCC_ATOMIC_LLONG_LOCK_FREE=1")
	if want := "this target has no 64-bit atomics"; !strings.Contains(complaint, want) {
		t.Errorf("on a target that would need libatomic's locks the compiler says %q, want %q", complaint, want)
	}
}

// layout returns a C program that compiles only if the header has the same layout and
// constants as Go. It is not run, so it can be compiled for other processors.
func layout(t *testing.T, pointer uintptr) string {
	var c strings.Builder
	c.WriteString("#include <stddef.h>\n#include \"eventchan.h\"\n")
	want := func(expression string, value any) {
		fmt.Fprintf(&c, "_Static_assert((%s) == %#x, \"Go has %[2]v\");\n", expression, value)
	}
	slot := reflect.TypeFor[doorbell.Slot]()
	for inC, inGo := range map[string]string{
		"word": "Word", "magic": "magic", "next": "next", "index": "index", "fd": "fd", "head": "stack",
	} {
		f, ok := slot.FieldByName(inGo)
		if !ok {
			t.Fatalf("the slot has no field %s", inGo)
		}
		size := f.Type.Size()
		if f.Type.Kind() == reflect.Pointer {
			size = pointer
		}
		want("offsetof(struct eventchan, "+inC+")", f.Offset)
		want("sizeof(((struct eventchan *)0)->"+inC+")", size)
	}
	where, _ := slot.FieldByName("queue")
	for inC, inGo := range map[string]string{
		"queue": "Header", "size": "Size", "stride": "Stride", "mask": "Mask", "cells": "Cells",
	} {
		f, ok := where.Type.FieldByName(inGo)
		if !ok {
			t.Fatalf("a queue has no field %s", inGo)
		}
		want("offsetof(struct eventchan, "+inC+")", where.Offset+f.Offset)
	}
	want("sizeof(struct eventchan)", slot.Size())
	want("_Alignof(struct eventchan)", slot.Size())
	for name, value := range map[string]uint64{
		"MAGIC": doorbell.Magic, "CLOSED": word.Closed, "RING": word.Ring, "HELD": word.Held, "RUNG": word.Rung,
		"COUNT": word.Rung - 1, "FULL": word.Full, "QUIET": handletest.Quiet, "INDEX": handletest.Index,
	} {
		want("EVENTCHAN_"+name, value)
	}
	c.WriteString("int main(void) { return 0; }\n")
	return c.String()
}

func TestHeaderAgreesWithGo(t *testing.T) {
	mustCompile(t, header(t), layout(t, 8), "gcc", "-fsyntax-only")
}

// The header works on 386, where atomic operations are wider than pointers. The C library
// for 386 is rarely installed, but compiling needs only one file of it, which can be empty.
func TestHeaderOn32Bits(t *testing.T) {
	stubs := t.TempDir()
	if err := os.Mkdir(filepath.Join(stubs, "gnu"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(stubs, "gnu", "stubs-32.h"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	text := header(t)
	for _, compiler := range []string{"gcc", "clang"} {
		if _, err := exec.LookPath(compiler); err != nil {
			t.Logf("without %s: %v", compiler, err)
			continue
		}
		multiarch, _ := exec.Command(compiler, "-print-multiarch").Output()
		flags := []string{"-m32", "-march=i686", "-O2", "-S", "-idirafter", stubs,
			"-idirafter", "/usr/include/" + strings.TrimSpace(string(multiarch))}
		if _, complaint := compile(t, text, "#include <unistd.h>\n", compiler, flags...); complaint != "" {
			t.Logf("without %s for 386: %s", compiler, complaint)
			continue
		}
		mustCompile(t, text, layout(t, 4), compiler, flags...)
		assembly := read(t, mustCompile(t, text, used, compiler, append(flags, strict(compiler, "c99")...)...))
		if strings.Contains(assembly, "__atomic_") || !strings.Contains(assembly, "cmpxchg8b") {
			t.Errorf("%s does not compile the atomics to cmpxchg8b", compiler)
		}
	}
}
