package callback_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// The header keeps its promises in every interleaving of its steps with those of other
// threads. testdata/steps.c tries them all.
func TestHeaderInEveryOrder(t *testing.T) {
	t.Parallel()
	output, err := inEveryOrder(t, header(t))
	if err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	t.Log(output)
}

func inEveryOrder(t *testing.T, header string, scenario ...string) (output string, err error) {
	t.Helper()
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	read(t, "testdata/scenarios.h") // so that go test notices when it changes
	// The stacks of the program's threads are too small for lazy binding.
	program := mustCompile(t, header, read(t, "testdata/steps.c"), "gcc",
		"-std=gnu11", "-O1", "-U_FORTIFY_SOURCE", "-Wl,-z,now", "-I", testdata)
	text, err := exec.CommandContext(t.Context(), program, scenario...).CombinedOutput()
	return string(text), err
}

// rules are the rules that the header follows. For each there are edits that break it,
// pairs of old and new text, and the error that is then found in a scenario.
var rules = map[string]struct {
	edits           []string
	scenario, wrong string
}{
	"one step adds and sees RING": {
		[]string{"old = __atomic_fetch_add(&e->word, n, __ATOMIC_ACQ_REL);", "old = __atomic_load_n(&e->word, 0); __atomic_fetch_add(&e->word, n, 0);"},
		"sleep", "sleeps over a count",
	},
	"one step makes RING RUNG": {
		[]string{"while (!__atomic_compare_exchange_n(&e->word, &word, word ^ (EVENTCHAN_RING | EVENTCHAN_RUNG), 1,",
			"while (!__atomic_fetch_and(&e->word, ~EVENTCHAN_RING, 0) && !__atomic_fetch_or(&e->word, EVENTCHAN_RUNG,",
			"__ATOMIC_ACQ_REL, __ATOMIC_RELAXED));\n\n", "0));\n\n"},
		"sleep", "pushed more often than the consumer fell asleep",
	},
	"one step makes RING RUNG, for one thread": {
		[]string{"if (!(word & EVENTCHAN_RING))", "if (0)", "word ^ (EVENTCHAN_RING | EVENTCHAN_RUNG)", "(word | EVENTCHAN_RUNG) & ~EVENTCHAN_RING"},
		"sleep", "pushed more often than the consumer fell asleep",
	},
	"RUNG keeps the consumer from setting RING": {
		[]string{"word ^ (EVENTCHAN_RING | EVENTCHAN_RUNG)", "word ^ EVENTCHAN_RING"},
		"a waiter gives up", "the stack twice",
	},
	"next is stored before the push": {
		[]string{"e->next = head;", "", "if (head & EVENTCHAN_QUIET)", "(void)__atomic_load_n(e->head, 0); e->next = head;\nif (head & EVENTCHAN_QUIET)"},
		"two handles", "sleeps over a count",
	},
	"next is what the push replaces": {
		[]string{"do {\n\t\te->next = head;", "e->next = head;\ndo {"},
		"two handles", "sleeps over a count",
	},
	"one step pushes": {
		[]string{"while (!__atomic_compare_exchange_n(e->head, &head, pushed, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));",
			"while (0);\n(void)__atomic_exchange_n(e->head, pushed, 0);"},
		"two handles", "sleeps over a count",
	},
	"the epoch stays in a push": {
		[]string{"(head & ~EVENTCHAN_INDEX) | e->index", "(head & EVENTCHAN_QUIET) | e->index"},
		"a thread of three stops", "sleeps over a count",
	},
	"QUIET stays in a push": {
		[]string{"(head & ~EVENTCHAN_INDEX) | e->index", "(head & ~EVENTCHAN_INDEX & ~EVENTCHAN_QUIET) | e->index"},
		"two handles", "QUIET was lost",
	},
	"QUIET saves the write": {
		[]string{"if (head & EVENTCHAN_QUIET)\n\t\treturn;", ""},
		"two handles", "written though QUIET was set",
	},
	"the push comes before the write": {
		[]string{"failure = write(e->fd, &one, sizeof one) < 0 ? errno : 0;", "failure = 0;",
			"head = __atomic_load_n(e->head, __ATOMIC_RELAXED);\n\tdo", "pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);\n" +
				"while (write(e->fd, &one, sizeof one) < 0)\n;\npthread_setcancelstate(cancel, &cancel);\n" +
				"head = __atomic_load_n(e->head, __ATOMIC_RELAXED);\n\tdo"},
		"sleep", "sleeps over a count",
	},
	"QUIET comes after the write": {
		[]string{"(head & ~EVENTCHAN_INDEX) | e->index", "(head & ~EVENTCHAN_INDEX) | e->index | EVENTCHAN_QUIET"},
		"a thread stops", "sleeps over a count",
	},
	"others write until a write is done": {
		[]string{"if (head & EVENTCHAN_QUIET)", "if (head & (EVENTCHAN_QUIET | EVENTCHAN_INDEX))"},
		"a thread stops", "sleeps over a count",
	},
	"QUIET is of one epoch": {
		[]string{"while (!((head ^ pushed) & ~EVENTCHAN_INDEX))", "while (!(head & EVENTCHAN_QUIET))"},
		"two handles", "sleeps over a count",
	},
	"QUIET is set in one step": {
		[]string{"if (__atomic_compare_exchange_n(e->head, &head, head | EVENTCHAN_QUIET, 1,\n\t\t\t\t\t\t__ATOMIC_RELAXED, __ATOMIC_RELAXED))",
			"if (__atomic_fetch_or(e->head, EVENTCHAN_QUIET, 0) || 1)"},
		"two handles", "sleeps over a count",
	},
	"an interrupted write is repeated": {
		[]string{"while (failure == EINTR);", "while (0);"},
		"sleep", "sleeps over a count",
	},
	"a write that is refused is none": {
		[]string{"if (failure && failure != EAGAIN)\n\t\treturn;", ""},
		"a write is refused", "sleeps over a count",
	},
	"the write is not a cancellation point": {
		[]string{"pthread_setcancelstate(PTHREAD_CANCEL_DISABLE", "pthread_setcancelstate(PTHREAD_CANCEL_ENABLE"},
		"sleep", "pthread_cancel can end the thread in write",
	},
	"a cancellation comes later": {
		[]string{"pthread_setcancelstate(cancel, &cancel);", ""},
		"sleep", "the thread cannot be canceled any more",
	},
	"errno stays": {
		[]string{"errno = error;", ""},
		"sleep", "errno is changed",
	},
	"what was added after Close is subtracted": {
		[]string{"__atomic_fetch_sub(&e->word, n, __ATOMIC_RELAXED);", ""},
		"close", "the count is not 0 after Close",
	},
	"what was added to a full count is taken back": {
		[]string{"(now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n", "0"},
		"full, untaken", "the count is more than FULL",
	},
	"only the thread's own n is taken back": {
		[]string{"(now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n", "(now & EVENTCHAN_COUNT) >= n"},
		"full, asleep", "the consumer slept through the add of thread 2",
	},
	"it is taken back if it is there in the same step": {
		[]string{"if (__atomic_compare_exchange_n(&e->word, &now, now - n, 1,", "if (__atomic_fetch_sub(&e->word, n,",
			"__ATOMIC_RELAXED, __ATOMIC_RELAXED))\n\t\t\t\treturn EAGAIN", "0))\nreturn EAGAIN"},
		"full", "the count is more than FULL",
	},
	"a large n is added if there is room in the same step": {
		[]string{"} while (!__atomic_compare_exchange_n(&e->word, &old, old + n, 1,", "} while (0);\nold = __atomic_fetch_add(&e->word, n,",
			"__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));", "0);"},
		"close", "the count is not 0 after Close",
	},
	"what is in flight may be more than FULL": {
		[]string{"count > EVENTCHAN_FULL || n >", "n >"},
		"full, for permits", "is not the sum received",
	},
	"a large n must not be added before looking": {
		[]string{"n - 1 >= UINT32_MAX", "n == 0"},
		"full, for permits", "is not the sum received",
	},
}

// If any one of the rules is broken, testdata/steps.c finds an error.
func TestEachRuleOfTheHeaderMatters(t *testing.T) {
	if !hammer.InCI() {
		t.Skip("only in CI")
	}
	text := header(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := text
			for i := 0; i < len(rule.edits); i += 2 {
				if found := strings.Count(broken, rule.edits[i]); found != 1 {
					t.Fatalf("the header has %d times, not once, %q", found, rule.edits[i])
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
