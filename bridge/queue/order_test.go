package queue_test

import (
	"runtime"
	"testing"

	"github.com/eventchan/eventchan/bridge/queue"
)

// receivers holds the ways to receive one value.
var receivers = map[string]func(q *queue.Queue[int64]) int64{
	"Receive": func(q *queue.Queue[int64]) int64 { v, _ := q.Receive(background); return v },
	"ReceiveBatch": func(q *queue.Queue[int64]) int64 {
		var dst [1]int64
		q.ReceiveBatch(background, dst[:])
		return dst[0]
	},
	"TryReceive": func(q *queue.Queue[int64]) int64 {
		for {
			if v, ok := q.TryReceive(); ok {
				return v
			}
			pause()
		}
	},
	"C": func(q *queue.Queue[int64]) int64 { return <-q.C() },
}

// A write before Send is visible after the receive. The race detector reports it if it does
// not see that order.
func TestSendHappensBeforeReceive(t *testing.T) {
	for name, receive := range receivers {
		t.Run(name, func(t *testing.T) {
			const senders = 3
			q := mustNew[int64](t, 128)
			written := make([]int64, senders*rounds(20_000))
			for sender := range senders {
				go func() {
					for i := sender; i < len(written); i += senders {
						written[i] = int64(3 * i)
						for q.Send(int64(i)) != nil {
							pause()
						}
					}
				}()
			}
			for range written {
				if got := receive(q); written[got] != 3*got {
					t.Fatalf("received %d with %d, want it with %d", got, written[got], 3*got)
				}
			}
		})
	}
}

// The same holds for a value that the goroutine of C moves to C's buffer after waiting for
// room there.
func TestSendHappensBeforeReceiveFromBuffer(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the goroutine of C runs when this one sleeps
	for range 10 {
		q := mustNew[int64](t, 8)
		c := q.C()
		for range 5 { // then four values are in the buffer and one is in hand
			mustSend(t, q, 1)
		}
		pause()
		written := 0
		go func() {
			written = 2
			q.Send(2)
		}()
		for q.Len() < 6 {
			pause()
		}
		for range 5 {
			<-c
		}
		if got := <-c; got != 2 || written != 2 {
			t.Fatalf("received %d with %d, want 2 with 2", got, written)
		}
	}
}
