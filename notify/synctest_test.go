package notify_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/notify"
)

// inBubble runs f in a testing/synctest bubble. It does so once and not in each mode, because only a
// private Notifier works there.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if mode.Is("private") {
		synctest.Test(t, f)
	}
}

// private returns a Notifier that the caller closes.
func private(t *testing.T) *notify.Notifier {
	t.Helper()
	n, err := notify.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBubbleSeesWaiterBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := private(t)
		defer n.Close()
		var got []uint64
		for range 3 {
			go func() {
				count, err := n.Wait(t.Context())
				if err != nil {
					t.Errorf("Wait = %v", err)
				}
				got = append(got, count)
			}()
			synctest.Wait() // returns only if the waiter is durably blocked
		}
		for i, count := range []uint64{11, 22, 33} {
			if len(got) != i {
				t.Errorf("received %v after %d signals", got, i)
			}
			if err := n.Add(count); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if len(got) != i+1 || got[i] != count {
				t.Errorf("received %v, want %d last", got, count)
			}
		}
	})
}

func TestBubbleHasTheDeadlineOfWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := private(t)
		defer n.Close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if count, err := n.Wait(ctx); count != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %d, %v; want 0, context.DeadlineExceeded", count, err)
		}
		if took := time.Since(start); took != time.Hour {
			t.Errorf("Wait took %v of the bubble's time, want an hour", took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Minute, func() { n.Add(7) })
		if count, err := n.Wait(ctx); count != 7 || err != nil {
			t.Errorf("Wait = %d, %v; want 7", count, err)
		}
		if took := time.Since(start); took != time.Hour+time.Minute {
			t.Errorf("both took %v of the bubble's time, want an hour and a minute", took)
		}
	})
}

func TestBubbleSeesReceiverOfCBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := private(t)
		var got []uint64
		open := true
		go func() {
			for count := range n.C() {
				got = append(got, count)
			}
			open = false
		}()
		synctest.Wait()
		for i := range uint64(3) {
			n.Add(5 + i)
			synctest.Wait()
			if len(got) != int(i)+1 || got[i] != 5+i {
				t.Errorf("received %v, want %d last", got, 5+i)
			}
		}
		n.Add(9)
		n.Close()
		synctest.Wait()
		if open || len(got) != 4 || got[3] != 9 {
			t.Errorf("received %v, open %v; want 9 last, and C closed", got, open)
		}
	})
}

func TestBubbleIsLeftByCloseOfEveryWaiter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := private(t)
		var closed atomic.Int32
		for range 5 {
			go func() {
				if _, err := n.Wait(context.Background()); errors.Is(err, os.ErrClosed) {
					closed.Add(1)
				}
			}()
			synctest.Wait()
		}
		n.Close()
		synctest.Wait()
		if got := closed.Load(); got != 5 {
			t.Errorf("%d of 5 waiters woke up with os.ErrClosed", got)
		}
	})
}

// A sum that does not fit in a uint64 has a goroutine of its own, which the bubble sees.
func TestBubbleHoldsTheGoroutineThatSpills(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := private(t)
		c := n.C()
		n.Add(notify.MaxCount)
		n.Add(3)
		synctest.Wait()
		if first, second := <-c, <-c; first != notify.MaxCount || second != 3 {
			t.Errorf("received %#x, %#x; want 2^64-2, 3", first, second)
		}
		n.Close()
	})
}

// A Notifier that was made outside a bubble works in the bubble, outside again, and then in another
// bubble: nothing of the first bubble is left in it.
func TestBubbleLeavesNothingInANotifier(t *testing.T) {
	if !mode.Is("private") {
		return
	}
	n := private(t)
	defer n.Close()
	use := func(t *testing.T) {
		for i := range 4 { // one more waiter each time
			results := make(chan uint64, i)
			ctx, cancel := context.WithCancel(context.Background())
			for range i {
				go func() {
					count, _ := n.Wait(ctx)
					results <- count
				}()
			}
			var sum uint64
			for range i - 1 {
				n.Add(1)
				sum += <-results
			}
			cancel()
			if i > 0 {
				sum += <-results
			}
			count, _ := n.TryWait()
			if sum += count; sum != uint64(max(0, i-1)) {
				t.Errorf("%d waiters received %d, want %d", i, sum, i-1)
			}
		}
	}
	use(t)
	synctest.Test(t, use)
	use(t)
	synctest.Test(t, use)
	use(t)
}
