package queue_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// Several receivers of C each find room for the value that they have received, however the goroutine of C
// and other receivers go on in between, and there are never more values than places.
func TestEachReceiverFindsRoom(t *testing.T) {
	for _, capacity := range []int{1, 2, 4, 8, 64} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			q := mustNew[int64](t, capacity)
			for i := range capacity {
				mustSend(t, q, int64(i))
			}
			c := q.C()
			hammer.For(100*time.Millisecond, 4, func() {
				v := <-c
				for err := q.Send(v); err != nil; err = q.Send(v) {
					t.Errorf("Send after a receive = %v", err)
				}
				if got := q.Len(); got > capacity {
					t.Errorf("Len = %d of %d", got, capacity)
				}
			})
			q.Close()
			for range c { // otherwise the goroutine of C stays blocked
			}
		})
	}
}

// If a private queue is full, Send checks whether a value has just been received from C.
// Handle and Close can run during that check. Every value whose Send returned nil is
// received all the same.
func TestSendToAFullQueueWhileItChanges(t *testing.T) {
	if shared() {
		return // the test needs a private queue
	}
	for name, change := range map[string]func(*queue.Queue[int32]){
		"Handle": func(q *queue.Queue[int32]) { q.Handle(); q.Close() },
		"Close":  func(q *queue.Queue[int32]) { q.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			hammer.For(time.Second, 1, func() {
				q, err := queue.New[int32](2)
				if err != nil {
					t.Fatal(err)
				}
				c := q.C()
				var senders sync.WaitGroup
				var mu sync.Mutex
				sent := 0
				for range 3 {
					senders.Go(func() {
						for {
							switch err := q.Send(1); {
							case err == nil:
								mu.Lock()
								sent++
								mu.Unlock()
							case errors.Is(err, os.ErrClosed):
								return
							}
						}
					})
				}
				received := 0
				done := make(chan struct{})
				go func() {
					for range c {
						received++
					}
					close(done)
				}()
				change(q)
				senders.Wait()
				<-done
				if received != sent {
					t.Fatalf("received %d values, Send has returned nil for %d", received, sent)
				}
			})
		})
	}
}
