//go:build unix

package doorbell_test

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/doorbell"
	"github.com/eventchan/eventchan/internal/lead"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// sleepers returns the first lines of the stacks of goroutines that sleep at the post, in function.
func sleepers(function string) (found []string) {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if first, rest, _ := strings.Cut(stack, " ["); strings.HasPrefix(rest, "IO wait") && strings.Contains(rest, function) {
			found = append(found, first)
		}
	}
	return found
}

// idles waits until nothing is at the post, and then makes a keeper wait for a new Bell for an hour.
func idles(t *testing.T) (restore func()) {
	t.Helper()
	hammer.Eventually(t, func() string { return "a goroutine was there before" }, func() bool { return goroutines() == 0 })
	return doorbell.SetIdle(time.Hour)
}

// quiet is a consumer that takes nothing.
type quiet struct{}

func (quiet) Look() {}

// A leader that has been served wakes up even if its Bell, the last one, is closed before it runs.
func TestCloseDoesNotDelayAServedLeader(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the leader does not run too early
	defer idles(t)()
	for range 10 {
		bell, err := doorbell.New(quiet{})
		if err != nil {
			t.Fatal(err)
		}
		var served atomic.Bool
		leader := lead.NewLeader(func() {}, served.Load)
		bell.Prepare()
		if !bell.Lead(leader) {
			t.Fatal("the goroutine does not lead at an empty post")
		}
		woke := make(chan struct{})
		go func() {
			leader.Sleep()
			leader.Release()
			close(woke)
		}()
		hammer.Eventually(t, func() string { return "the leader does not sleep" },
			func() bool { return len(sleepers("(*Leader).Sleep")) == 1 })
		served.Store(true)
		leader.Nudge()
		bell.Close()
		select {
		case <-woke:
		case <-time.After(10 * time.Second):
			t.Fatal("a leader that has been served sleeps on")
		}
	}
}

// The keeper stays for the next Bell, so that no goroutine has to be started for it.
func TestKeeperWaitsForTheNextHandle(t *testing.T) {
	restore := idles(t)
	defer restore()
	keepers := make(map[string]bool)
	for range 10 {
		c := newConsumer(t)
		hammer.Eventually(t, func() string { return "no keeper sleeps" }, func() bool {
			found := sleepers("(*Post).keep")
			for _, keeper := range found {
				keepers[keeper] = true
			}
			return len(found) == 1
		})
		c.close()
		for range 100 {
			runtime.Gosched() // lets a keeper end that is not to stay
		}
	}
	if len(keepers) != 1 {
		t.Errorf("%d keepers for handles one after another, want 1", len(keepers))
	}
	restore()
	newConsumer(t).close() // lets the keeper end
}
