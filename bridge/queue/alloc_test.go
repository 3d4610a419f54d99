package queue_test

import (
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// wantNoAllocs fails the test if f allocates.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if got := testing.AllocsPerRun(1000, f); got != 0 {
		t.Errorf("%s allocates %v times, want none", what, got)
	}
}

func TestValuesDoNotAllocate(t *testing.T) {
	q := mustNew[int64](t, 8)
	dst := make([]int64, 4)
	wantNoAllocs(t, "TryReceive of nothing", func() { q.TryReceive() })
	for _, way := range ways() {
		wantNoAllocs(t, way.name+" and TryReceive", func() { way.send(q, 1); q.TryReceive() })
		wantNoAllocs(t, way.name+" and Receive", func() { way.send(q, 1); q.Receive(background) })
		wantNoAllocs(t, way.name+" and ReceiveBatch", func() {
			for range 3 {
				way.send(q, 1)
			}
			q.ReceiveBatch(background, dst)
		})
		for range 8 {
			way.send(q, 1)
		}
		wantNoAllocs(t, way.name+" to a full queue", func() { way.send(q, 1) })
		for range 8 {
			q.TryReceive()
		}
	}
}

func TestBlockedReceiveDoesNotAllocate(t *testing.T) {
	for _, way := range ways() {
		q := mustNew[int64](t, 8)
		turn := make(chan int64)
		go func() {
			for v := range turn {
				for queue.Waiting(q) == 0 {
					runtime.Gosched()
				}
				way.send(q, v)
			}
		}()
		dst := make([]int64, 4)
		wantNoAllocs(t, way.name+" to a blocked Receive", func() { turn <- 1; q.Receive(background) })
		wantNoAllocs(t, way.name+" to a blocked ReceiveBatch", func() { turn <- 1; q.ReceiveBatch(background, dst) })
		close(turn)
	}
}

// With a single processor, a receiver is not starved by senders that only yield when the
// queue is full.
func TestYieldingSendersDoNotStarveReceivers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q := mustNew[int64](t, 4)
	for range 4 {
		go func() {
			for {
				if err := q.Send(1); err == queue.ErrFull {
					runtime.Gosched()
				} else if err != nil {
					return
				}
				runtime.Gosched()
			}
		}()
	}
	c := q.C()
	for range rounds(20_000) {
		wantReceive(t, q, 1)
		<-c
	}
	q.Close()
	for range c {
	}
}
