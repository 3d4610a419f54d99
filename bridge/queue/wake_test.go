package queue_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// A receiver wakes up even if a value arrives while it is going to sleep. If that were
// missed, the test would hang.
func TestNoWakeUpIsLost(t *testing.T) {
	for _, way := range ways() {
		for name, receive := range receivers {
			if name == "TryReceive" {
				continue // TryReceive does not sleep
			}
			t.Run(way.name+" to "+name, func(t *testing.T) {
				q := mustNew[int64](t, 4)
				var turn atomic.Int64
				sent := make(chan error, 1)
				times, tight := int64(4000), hammer.InCI()
				if runtime.GOMAXPROCS(0) == 1 {
					times = 100 // see hammer.Pause
					tight = false
				}
				enough := time.Now().Add(time.Second / 4) // outside CI, where other programs may use the processors
				go func() {
					for i := int64(0); ; i++ {
						for now := turn.Load(); now != i; now = turn.Load() {
							if now < 0 {
								sent <- nil
								return
							}
							if !tight {
								hammer.Pause()
							}
						}
						for range i % 512 { // so that each value arrives at another step of the receiver
							turn.Load()
						}
						if err := way.send(q, i); err != nil {
							sent <- err
							return
						}
					}
				}()
				for i := range times {
					turn.Store(i)
					if got := receive(q); got != i {
						t.Fatalf("received %d, want %d", got, i)
					}
					if !hammer.InCI() && time.Now().After(enough) {
						break
					}
				}
				turn.Store(-1)
				if err := <-sent; err != nil {
					t.Error(err)
				}
			})
		}
	}
}
