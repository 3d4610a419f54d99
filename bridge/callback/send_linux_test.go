package callback_test

import (
	"context"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// testdata/send.c uses the header to send to a queue, without Go. These tests compile and
// run it in each dialect, with sanitizers, and with a header that breaks a rule.

func run(t *testing.T, program string, arguments ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	text, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(text), exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return string(text), 0
}

// wantSent fails the test if the program finds an error.
func wantSent(t *testing.T, program string) {
	t.Helper()
	for _, arguments := range [][]string{nil, {"threads"}} {
		if output, code := run(t, program, arguments...); code != 0 || output != "" {
			t.Errorf("%q ends with %d and says\n%s", arguments, code, output)
		}
	}
}

// Sending works in every dialect. Outside CI, only the oldest dialect of gcc is tested.
func TestSendInEveryDialect(t *testing.T) {
	text, source := header(t), read(t, "testdata/send.c")
	for compiler, standards := range dialects {
		if _, err := exec.LookPath(compiler); err != nil {
			t.Logf("without %s: %v", compiler, err)
			continue
		}
		if !hammer.InCI() {
			if standards = standards[:1]; compiler != "gcc" {
				continue
			}
		}
		for _, standard := range standards {
			t.Run(compiler+" "+standard, func(t *testing.T) {
				t.Parallel()
				wantSent(t, mustCompile(t, text, source, compiler, append(strict(compiler, standard), "-O2")...))
			})
		}
	}
}

// A compiler does not warn that the results of eventchan_reserve are uninitialized after it
// has returned 0.
func TestReserveNeedsNoInitialValues(t *testing.T) {
	const source = `
#include "eventchan.h"

int reserve_and_commit(void *queue);

int reserve_and_commit(void *queue)
{
	void *place;
	uint64_t ticket;
	int error = eventchan_reserve(queue, sizeof(int), &place, &ticket);

	if (error)
		return error;
	memset(place, 1, sizeof(int));
	return eventchan_commit(queue, ticket);
}
`
	for _, compiler := range []string{"gcc", "g++", "clang", "clang++"} {
		t.Run(compiler, func(t *testing.T) {
			t.Parallel()
			mustCompile(t, header(t), source, compiler, "-Wall", "-Wextra", "-Werror", "-O2", "-c")
		})
	}
}

// sanitizers find errors that the program itself cannot see.
var sanitizers = map[string][]string{
	"gcc address":    {"gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
	"gcc thread":     {"gcc", "-fsanitize=thread"},
	"clang address":  {"clang", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
	"clang thread":   {"clang", "-fsanitize=thread"},
	"clang memory":   {"clang", "-fsanitize=memory"},
	"g++ thread":     {"g++", "-fsanitize=thread"},
	"clang++ memory": {"clang++", "-fsanitize=memory"},
}

// The sanitizers find no error. Outside CI, only one of them is used.
func TestSendUnderSanitizers(t *testing.T) {
	for name := range sanitizers {
		if !hammer.InCI() && name != "gcc thread" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantSent(t, sanitized(t, header(t), name))
		})
	}
}

// sanitized compiles testdata/send.c with a sanitizer. It skips the test if the sanitizer
// does not work even with the smallest program.
func sanitized(t *testing.T, header, name string) (program string) {
	t.Helper()
	compiler, flags := sanitizers[name][0], append(sanitizers[name][1:], "-O1", "-g")
	smallest, complaint := compile(t, header, unused, compiler, flags...)
	if complaint != "" {
		t.Skipf("without this sanitizer: %s", complaint)
	}
	if output, code := run(t, smallest); code != 0 {
		t.Skipf("this sanitizer does not run here: %d, %s", code, output)
	}
	return mustCompile(t, header, read(t, "testdata/send.c"), compiler, flags...)
}

// sendRules are the rules that sending follows. For each there is an edit that breaks it, a
// pair of old and new text, and a regular expression for the error that the program then
// finds.
var sendRules = map[string]struct{ old, new, sanitizer, argument, found string }{
	"a claim acquires head": {"__atomic_load_n(&q->head, __ATOMIC_ACQUIRE)", "__atomic_load_n(&q->head, __ATOMIC_RELAXED)",
		"gcc thread", "threads", "data race"},
	"a publication releases": {"&old, p + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED", "&old, p + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED",
		"gcc thread", "threads", "data race"},
	"the value comes before the publication": {"memcpy(cell, value, size);\n\treturn eventchan_publish(e, cell, p);",
		"{ int i = eventchan_publish(e, cell, p); memcpy(cell, value, size); return i; }", "gcc thread", "threads", "data race|not m\\."},
	"a publication leaves DISOWNED": {"if ((old & ~EVENTCHAN_SLEEP) != last)", "if ((old & ~EVENTCHAN_SLEEP & ~EVENTCHAN_DISOWNED) != last)",
		"", "", "not eventchan_commit"},
	"a publication rings only a sleeper": {"if (__builtin_expect(old != last, 0))", "if (old)", "", "", "not slot.word"},
	"a publication rings a sleeper":      {"if (__builtin_expect(old != last, 0))", "if (0)", "", "", "not slot.word"},
	"a full queue refuses":               {"> mask)", "> mask + 1)", "", "", "not eventchan_send"},
	"what is refused is counted":         {"__atomic_fetch_add(&q->refused, 1, __ATOMIC_RELAXED);", "", "", "", "not memory.header.refused"},
	"a closed queue refuses":             {"if (*p & EVENTCHAN_CLOSED)\n\t\t\treturn EBADF;", "", "", "", "== EBADF"},
	"the size is compared":               {"e->magic != EVENTCHAN_QUEUE_MAGIC || e->size != size", "e->magic != EVENTCHAN_QUEUE_MAGIC || e->size < size", "", "", "not eventchan_send"},
	"errno stays as it is":               {"\terrno = error;\n", "", "", "", "not errno"},
}

func TestSendRulesAreChecked(t *testing.T) {
	if !hammer.InCI() {
		t.Skip("only in CI")
	}
	t.Parallel()
	for name, rule := range sendRules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := header(t)
			if !strings.Contains(text, rule.old) {
				t.Fatalf("the header does not have %q", rule.old)
			}
			text = strings.ReplaceAll(text, rule.old, rule.new)
			var program string
			if rule.sanitizer != "" {
				program = sanitized(t, text, rule.sanitizer)
			} else {
				program = mustCompile(t, text, read(t, "testdata/send.c"), "gcc", "-std=gnu11", "-O1")
			}
			var arguments []string
			if rule.argument != "" {
				arguments = []string{rule.argument}
			}
			if output, code := run(t, program, arguments...); code == 0 || !regexp.MustCompile(rule.found).MatchString(output) {
				t.Errorf("the program ends with %d and says %q, want %q", code, output, rule.found)
			}
		})
	}
}

// A handle of the wrong kind aborts the process with a message, before anything is written
// to it. The program checks that when it aborts, and then exits with status 7.
func TestWrongKindsAreRefused(t *testing.T) {
	t.Parallel()
	program := mustCompile(t, header(t), read(t, "testdata/send.c"), "gcc", "-std=gnu11", "-O2")
	const notHandle = "eventchan: called with a pointer that is not a handle; is the handle another argument of the callback?\n"
	const otherKind = "eventchan: called with a handle of another kind, or of another version than this eventchan.h\n"
	check := func(call, kind, want string) {
		t.Run(call+", "+kind, func(t *testing.T) {
			if output, code := run(t, program, call, kind); code != 7 || output != want {
				t.Errorf("the process ends with %d and says %q, want 7 and %q", code, output, want)
			}
		})
	}
	for _, call := range []string{"signal", "add", "add 0"} {
		check(call, "queue", otherKind)
	}
	for _, call := range []string{"send", "send another size", "reserve", "commit"} {
		check(call, "count", otherKind)
		check(call, "version", otherKind)
		check(call, "zeros", notHandle)
	}
}
