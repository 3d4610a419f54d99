package notify_test

import (
	"errors"
	"os"
	"testing"

	"github.com/eventchan/eventchan/notify"
)

// A count that was added before Close goes to a waiter, even if nothing has had time to hand it over.
func TestCloseDeliversToAWaiter(t *testing.T) { eachWay(t, closeDeliversToAWaiter) }

func closeDeliversToAWaiter(t *testing.T, add func(testing.TB, *notify.Notifier, uint64)) {
	for range 200 {
		n := mustNew(t)
		arrivals := startWaiters(n, contexts(2))
		add(t, n, 5)
		n.Close()
		var sum uint64
		for range 2 {
			got := <-arrivals
			sum += got.count
			if got.count == 0 && !errors.Is(got.err, os.ErrClosed) {
				t.Errorf("a waiter got %d, %v; want os.ErrClosed", got.count, got.err)
			}
		}
		if sum != 5 {
			t.Errorf("the waiters got %d, want 5", sum)
		}
	}
}
