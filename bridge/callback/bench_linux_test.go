//go:build cgo && !mips && !mipsle && (!arm || arm.7)

package callback_test

import (
	"context"
	"testing"

	"github.com/eventchan/eventchan/internal/testing/chandle"
	"github.com/eventchan/eventchan/internal/testing/cthread"
	"github.com/eventchan/eventchan/notify"
)

// BenchmarkAdd measures the cost of a signal for a C thread, and compares it with a write(2)
// to the eventfd of a Notifier. No goroutine is waiting, so none is woken.
func BenchmarkAdd(b *testing.B) {
	b.Run("eventchan_add", func(b *testing.B) { add(b, 1) })
	b.Run("eventchan_add, 4 threads", func(b *testing.B) { add(b, 4) })
	b.Run("write", func(b *testing.B) {
		n := must(notify.New())
		defer n.Close()
		fd := n.FD()
		b.ResetTimer()
		thread := must(cthread.Signal(fd, b.N))
		if _, err := thread.Join(); err != nil {
			b.Error(err)
		}
	})
}

func add(b *testing.B, threads int) {
	n, handle := newNotifier()
	defer n.Close()
	b.ResetTimer()
	var started []*chandle.Thread
	for range threads {
		started = append(started, must(chandle.Add(handle, 1, b.N/threads, forever)))
	}
	join(b, started...)
}

// BenchmarkAddToReceiver is like BenchmarkAdd, but with a goroutine that receives all the
// time and is asleep now and then.
func BenchmarkAddToReceiver(b *testing.B) {
	n, handle := newNotifier()
	defer n.Close()
	thread := must(chandle.Add(handle, 1, b.N, forever))
	receives := 0
	for received := uint64(0); received < uint64(b.N); receives++ {
		count, err := n.Wait(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		received += count
	}
	join(b, thread)
	b.ReportMetric(float64(receives)/float64(b.N), "receives/op")
}
