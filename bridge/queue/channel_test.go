package queue_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

func TestCIsTheSameEachTime(t *testing.T) {
	q := mustNew[int64](t, 2)
	if first := q.C(); q.C() != first {
		t.Error("C has returned two channels")
	}
}

// C delivers all values in order: those sent before it was first called and those sent
// later, even while there are more than fit in its buffer.
func TestCGivesAllInOrder(t *testing.T) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			q := mustNew[int64](t, 256)
			next := int64(0)
			for _, burst := range []int64{1, 2, 63, 64, 65, 256} {
				for i := range burst {
					mustFit(t, func() error { return way.send(q, next+i) })
				}
				for range burst {
					if got, ok := <-q.C(); got != next || !ok {
						t.Fatalf("C gave %d, %v; want %d", got, ok, next)
					}
					next++
				}
				if got := q.Len(); got != 0 {
					t.Errorf("Len = %d of an empty queue", got)
				}
			}
		})
	}
}

// mustFit sends a value for which there is room. That can need several attempts: C threads
// see the room that a receive from C has made only when Go looks the next time.
func mustFit(t *testing.T, send func() error) {
	t.Helper()
	var err error
	hammer.Eventually(t, func() string { return fmt.Sprintf("send = %v, although there is room", err) },
		func() bool { err = send(); return err == nil })
}

// Goroutines that are waiting are served before C.
func TestWaitersComeBeforeC(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		q := mustNew[int64](t, 4)
		c := q.C()
		arrivals := startWaiters(q, contexts(2)...)
		for i := range int64(2) {
			send(t, q, i)
			if got := <-arrivals; got.waiter != int(i) || len(got.values) != 1 || got.values[0] != i {
				t.Errorf("waiter %d got %d, %v; want waiter %d to get it", got.waiter, got.values, got.err, i)
			}
		}
		send(t, q, 2)
		if got := <-c; got != 2 {
			t.Errorf("C gave %d, want 2", got)
		}
	})
}

// A value in C's buffer takes up room in the Queue: exactly Cap values fit until something
// is received, and again after everything is received.
func TestExactlyCapValuesFitWhileCIsNotRead(t *testing.T) {
	for _, capacity := range []int{1, 2, 64, 1024} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			exactlyCapFit(t, capacity, func(i int) (v int64) { return int64(i) })
			exactlyCapFit(t, capacity, func(i int) (v [4]uint64) { v[3] = uint64(i); return v })
			if capacity < 1024 {
				exactlyCapFit(t, capacity, func(i int) (v [65_535]byte) { v[65_534] = byte(i); return v })
			}
		})
	}
}

func exactlyCapFit[T comparable](t *testing.T, capacity int, value func(int) T) {
	t.Helper()
	q := mustNew[T](t, capacity)
	c := q.C()
	ways := []func(T) error{q.Send}
	if shared() {
		ways = append(ways, func(v T) error { return sendAsC(q, v) })
	}
	sent := 0
	for round := range 2 * len(ways) {
		send := ways[round%len(ways)]
		for i := range capacity {
			if round == 0 || round%len(ways) == 0 { // Send sees free places immediately
				if err := send(value(sent)); err != nil {
					t.Fatalf("round %d: send %d of %d of %T = %v", round, i, capacity, *new(T), err)
				}
			} else {
				mustFit(t, func() error { return send(value(sent)) })
			}
			sent++
		}
		for range 3 {
			if err := q.Send(value(sent)); !errors.Is(err, queue.ErrFull) {
				t.Errorf("round %d: one more Send = %v, want ErrFull", round, err)
			}
			if err := send(value(sent)); !errors.Is(err, queue.ErrFull) {
				t.Errorf("round %d: one more send = %v, want ErrFull", round, err)
			}
			runtime.Gosched()
		}
		if got := q.Len(); got != capacity {
			t.Errorf("round %d: Len = %d, want %d", round, got, capacity)
		}
		for i := sent - capacity; i < sent; i++ {
			if got := <-c; got != value(i) {
				t.Fatalf("round %d: received another value than %d", round, i)
			}
		}
		mustSend(t, q, value(-1)) // succeeds immediately
		if got := <-c; got != value(-1) {
			t.Fatal("received another value than -1")
		}
		if got := q.Len(); got != 0 {
			t.Errorf("round %d: Len = %d after all was received", round, got)
		}
	}
	q.Close()
	if _, ok := <-c; ok {
		t.Error("C is open after Close")
	}
}

// There is room for another Send as soon as a value is received from C.
func TestReceiveFromCFreesAPlace(t *testing.T) {
	for _, capacity := range []int{1, 2, 8, 256} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			q := mustNew[int64](t, capacity)
			c := q.C()
			for i := range int64(capacity) {
				mustSend(t, q, i)
			}
			for i := range int64(rounds(20_000)) {
				if got := <-c; got != i {
					t.Fatalf("C gave %d, want %d", got, i)
				}
				if err := q.Send(i + int64(capacity)); err != nil {
					t.Fatalf("round %d: Send = %v, although a value was received", i, err)
				}
				if got := q.Len(); got != capacity {
					t.Fatalf("round %d: Len = %d, want %d", i, got, capacity)
				}
			}
			q.Close()
			for range c { // otherwise the goroutine of C stays blocked
			}
		})
	}
}

// C is closed when all values have been received from it, and not before.
func TestCIsClosedOnceAllIsReceived(t *testing.T) {
	eachWay(t, func(t *testing.T, send func(testing.TB, *queue.Queue[int64], int64)) {
		for _, size := range []int64{0, 1, 2, 100} {
			q := mustNew[int64](t, 128)
			c := q.C()
			for i := range size {
				send(t, q, i)
			}
			q.Close()
			wantIs(t, "a second Close", q.Close(), os.ErrClosed)
			next := int64(0)
			for got := range c {
				if got != next {
					t.Errorf("C gave %d of %d, want %d", got, size, next)
				}
				next++
			}
			if next != size {
				t.Errorf("C gave %d values, want %d", next, size)
			}
			wantIs(t, "Send", q.Send(1), os.ErrClosed)
			wantEmpty(t, q)
		}
	})
}

// pumps returns the states of the goroutines that run pump.
func pumps() (states []string) {
	stacks := make([]byte, 1<<20)
	for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if first, rest, _ := strings.Cut(stack, "\n"); strings.Contains(rest, "]).pump(") {
			states = append(states, first)
		}
	}
	return states
}

func wantPumps(t *testing.T, when string, want int) {
	t.Helper()
	hammer.Eventually(t, func() string { return fmt.Sprintf("%s: goroutines %q, want %d asleep", when, pumps(), want) },
		func() bool {
			states := pumps()
			for _, state := range states {
				if !strings.Contains(state, "[select") {
					return false // the goroutine is still running
				}
			}
			return len(states) == want
		})
}

// C has a goroutine only while there are more values than fit in its buffer. While nothing
// is received, that goroutine is asleep.
func TestCHasAGoroutineOnlyWhileValuesAreLeft(t *testing.T) {
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			q := mustNew[int64](t, 8)
			fill := func() {
				for i := range int64(8) {
					mustFit(t, func() error { return way.send(q, i) })
				}
			}
			wantPumps(t, "before C", 0)
			c := q.C()
			wantPumps(t, "empty", 0)
			for range 2 {
				fill()
				wantPumps(t, "full", 1)
				for range 8 {
					<-c
				}
				wantPumps(t, "empty again", 0)
			}
			fill()
			q.Close()
			wantPumps(t, "closed", 1)
			for range c {
			}
			wantPumps(t, "received", 0)
			wantEmpty(t, q)
		})
	}
}

// Len, Refused and String do not wait for a receiver of C.
func TestLookingDoesNotWaitForAReceiver(t *testing.T) {
	q := mustNew[int64](t, 4)
	want := map[bool]string{false: "Queue(private)", true: "Queue(shared)"}[shared()]
	if got := q.String(); got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	c := q.C()
	for i := range int64(6) {
		if got := q.Len(); got != int(min(i, 4)) {
			t.Errorf("Len = %d after %d sends of 4", got, i)
		}
		if got := q.Refused(); got != uint64(max(0, i-4)) {
			t.Errorf("Refused = %d after %d sends of 4", got, i)
		}
		q.Send(i)
	}
	if got := q.String(); got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	for range 4 {
		<-c
	}
}

// While values keep coming, the goroutine of C goes on in place of serve, whose caller has a lock and serves
// other handles too. It ends when no value comes any more, and C receives what is sent after that.
func TestServeHandsOverToTheGoroutineOfC(t *testing.T) {
	q := mustNew[int](t, 4)
	c := q.C()
	for want := range 100 {
		if !queue.ServeLate(q) {
			t.Fatal("serve goes on by itself")
		}
		mustSend(t, q, want)
		if got := <-c; got != want {
			t.Fatalf("C = %d, want %d", got, want)
		}
	}
}
