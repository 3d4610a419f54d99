package callback_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/handle"
	"github.com/eventchan/eventchan/internal/word"
)

// The header needs no cgo, so these tests need but a compiler.

// header returns the text of eventchan.h. It is read here, not by a compiler, so
// that go test sees when it changes.
func header(t *testing.T) string { t.Helper(); return read(t, "eventchan.h") }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compile compiles C or C++ source that includes the header given, and returns
// the program, or what the compiler says.
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

// dialects are those that the header promises to be written in. clang is tried
// where there is one.
var dialects = map[string][]string{
	"gcc":     {"c11", "c17", "gnu17"},
	"g++":     {"c++11", "c++17", "c++20"},
	"clang":   {"c11", "c17", "gnu17"},
	"clang++": {"c++11", "c++17", "c++20"},
}

func TestHeaderCompilesWithoutWarnings(t *testing.T) {
	const unused = "#include \"eventchan.h\"\nint main(void) { return 0; }\n"
	const used = `
#include "eventchan.h"
#include "eventchan.h"

static void (*const callback)(void *) = eventchan_signal;

int main(void)
{
	struct eventchan e = { 40, 1, -1, { 0 } };

	callback(&e);
	return eventchan_add(&e, 1) || e.word != 42;
}
`
	text := header(t)
	for compiler, standards := range dialects {
		if _, err := exec.LookPath(compiler); err != nil && strings.HasPrefix(compiler, "clang") {
			t.Logf("without %s", compiler)
			continue
		}
		for _, standard := range standards {
			t.Run(compiler+" "+standard, func(t *testing.T) {
				t.Parallel()
				flags := []string{"-std=" + standard, "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-pedantic", "-Werror"}
				program := mustCompile(t, text, used, compiler, flags...)
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
	_, complaint := compile(t, header(t), "#include \"eventchan.h\"\nint main(void) { return 0; }\n", "gcc",
		"-D__atomic_always_lock_free(size, address)=0")
	if want := "this target has no 64-bit atomics"; !strings.Contains(complaint, want) {
		t.Errorf("on a target that would need libatomic's locks the compiler says %q, want %q", complaint, want)
	}
}

func TestHeaderAgreesWithGo(t *testing.T) {
	program := mustCompile(t, header(t), `
#include <stdio.h>
#include "eventchan.h"

int main(void)
{
	printf("%zu %zu %zu %zu\n", offsetof(struct eventchan, word), offsetof(struct eventchan, users),
	       offsetof(struct eventchan, doorbell), sizeof(struct eventchan));
	printf("%zu %zu\n", sizeof(((struct eventchan *)0)->users), sizeof(((struct eventchan *)0)->doorbell));
	printf("%jx %jx %jx %jx\n", (uintmax_t)EVENTCHAN_CLOSED, (uintmax_t)EVENTCHAN_RING,
	       (uintmax_t)EVENTCHAN_HELD, (uintmax_t)EVENTCHAN_FULL);
	return 0;
}
`, "gcc")
	got, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	slot := reflect.TypeFor[handle.Slot]()
	field := func(name string) reflect.StructField {
		f, ok := slot.FieldByName(name)
		if !ok {
			t.Fatalf("the slot has no field %s", name)
		}
		return f
	}
	users, doorbell := field("users"), field("doorbell")
	want := fmt.Sprintf("%d %d %d %d\n%d %d\n%x %x %x %x\n",
		field("Word").Offset, users.Offset, doorbell.Offset, slot.Size(), users.Type.Size(), doorbell.Type.Size(),
		uint64(word.Closed), uint64(word.Ring), uint64(word.Held), uint64(word.Full))
	if string(got) != want {
		t.Errorf("C has\n%s, Go has\n%s", got, want)
	}
}

// TestHeaderInEveryOrder runs testdata/steps.c, which finds out what can become of
// the header's code in whatever order threads take its steps.
func TestHeaderInEveryOrder(t *testing.T) {
	t.Parallel()
	if output, err := inEveryOrder(t, header(t)); err != nil {
		t.Errorf("%v:\n%s", err, output)
	}
}

func inEveryOrder(t *testing.T, header string, scenario ...string) (output string, err error) {
	t.Helper()
	program := mustCompile(t, header, read(t, "testdata/steps.c"), "gcc", "-std=gnu11", "-O1", "-U_FORTIFY_SOURCE")
	text, err := exec.CommandContext(t.Context(), program, scenario...).CombinedOutput()
	return string(text), err
}

// rules are those that the header follows. For each: how to break it, by edits,
// pairs of old text and new, and what is then found to go wrong in a scenario.
var rules = map[string]struct {
	edits           []string
	scenario, wrong string
}{
	"who clears RING rings, for all": {
		[]string{"__ATOMIC_ACQ_REL) & EVENTCHAN_RING))", "__ATOMIC_ACQ_REL), 1))"},
		"sleep", "rung more often than the consumer fell asleep",
	},
	"RING is looked at and cleared in one step": {
		[]string{"if (!(__atomic_fetch_and(", "if (!(__atomic_load_n(&e->word, 0) & EVENTCHAN_RING) ||\n!__atomic_fetch_and(",
			"__ATOMIC_ACQ_REL) & EVENTCHAN_RING))", "__ATOMIC_ACQ_REL))"},
		"sleep", "rung more often than the consumer fell asleep",
	},
	"RING is cleared before the write": {
		[]string{"__atomic_fetch_and(&e->word, ~EVENTCHAN_RING, __ATOMIC_ACQ_REL)", "__atomic_load_n(&e->word, 0)",
			"if (__atomic_fetch_sub(&e->users", "__atomic_fetch_and(&e->word, ~EVENTCHAN_RING, 0);\nif (__atomic_fetch_sub(&e->users"},
		"sleep", "the consumer sleeps and nobody will ring",
	},
	"0 users is for good": {
		[]string{"if (users == 0)", "if (0)"},
		"close, large", "write to a stranger's descriptor",
	},
	"users are looked at and counted in one step": {
		[]string{"} while (!__atomic_compare_exchange_n(&e->users, &users, users + 1, 1,\n", "} while (0);\n__atomic_fetch_add(&e->users, 1, 0);\n",
			"__ATOMIC_ACQUIRE, __ATOMIC_RELAXED));\n\n\t/* With", "\n/* With"},
		"close, large", "write to a stranger's descriptor",
	},
	"the last user closes": {
		[]string{"\t\tclose(e->doorbell);", ";"},
		"close, large", "the doorbell is left open",
	},
	"only the last user closes": {
		[]string{"if (__atomic_fetch_sub(&e->users, 1, __ATOMIC_ACQ_REL) == 1)", "if (__atomic_fetch_sub(&e->users, 1, 0))"},
		"sleep", "the doorbell was closed too early",
	},
	"an interrupted write is repeated": {
		[]string{"while (write(", "if (write("},
		"sleep", "the consumer sleeps over a count",
	},
	"the write is no cancellation point": {
		[]string{"pthread_setcancelstate(PTHREAD_CANCEL_DISABLE", "pthread_setcancelstate(PTHREAD_CANCEL_ENABLE"},
		"sleep", "pthread_cancel can end the thread in write",
	},
	"a cancellation comes later": {
		[]string{"pthread_setcancelstate(cancel, &cancel);", ""},
		"sleep", "the thread cannot be cancelled any more",
	},
	"errno stays": {
		[]string{"errno = error;", ""},
		"sleep", "errno is changed",
	},
	"what was added after Close is subtracted": {
		[]string{"__atomic_fetch_sub(&e->word, n, __ATOMIC_RELAXED);", ""},
		"close, large", "there is a count after Close",
	},
	"what was added to a full count is taken back": {
		[]string{"(now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n", "0"},
		"full, untaken", "more was added than there is room for",
	},
	"only one's own is taken back": {
		[]string{"(now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n", "(now & EVENTCHAN_COUNT) >= n"},
		"full, asleep", "the consumer slept through the add of thread 2",
	},
	"it is taken back if it is there in the same step": {
		[]string{"if (__atomic_compare_exchange_n(&e->word, &now, now - n, 1,", "if (__atomic_fetch_sub(&e->word, n,",
			"__ATOMIC_RELAXED, __ATOMIC_RELAXED))\n\t\t\t\treturn EAGAIN", "0))\nreturn EAGAIN"},
		"full", "more was added than there is room for",
	},
	"a large n is added if there is room in the same step": {
		[]string{"} while (!__atomic_compare_exchange_n(&e->word, &old, old + n, 1,\n", "} while (0);\nold = __atomic_fetch_add(&e->word, n,",
			"__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));", "0);"},
		"close, large", "there is a count after Close",
	},
	"what is in flight may be more than FULL": {
		[]string{"count > EVENTCHAN_FULL || n >", "n >"},
		"full, for permits", "is not what was received",
	},
	"a large n must not be added before looking": {
		[]string{"n - 1 >= UINT32_MAX", "n == 0"},
		"full, for permits", "is not what was received",
	},
	"one step adds and sees RING": {
		[]string{"old = __atomic_fetch_add(&e->word, n, __ATOMIC_ACQ_REL);", "old = __atomic_load_n(&e->word, 0); __atomic_fetch_add(&e->word, n, 0);"},
		"sleep", "the consumer sleeps over a count",
	},
}

// TestEachRuleOfTheHeaderMatters breaks one rule at a time.
func TestEachRuleOfTheHeaderMatters(t *testing.T) {
	text := header(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := text
			for i := 0; i < len(rule.edits); i += 2 {
				if strings.Count(broken, rule.edits[i]) != 1 {
					t.Fatalf("the header is not what this test thinks it is: it has not one %q", rule.edits[i])
				}
				broken = strings.Replace(broken, rule.edits[i], rule.edits[i+1], 1)
			}
			output, err := inEveryOrder(t, broken, rule.scenario)
			if err == nil || !strings.Contains(output, rule.wrong) {
				t.Errorf("found %v, want %q in:\n%s", err, rule.wrong, output)
			}
		})
	}
}
