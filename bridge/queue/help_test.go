package queue_test

import (
	"os"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/leaktest"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// shared is whether queues of the tests have a handle.
var shared = os.Getenv("EVENTCHAN_MODE") == "handle"

func TestMain(m *testing.M) {
	leaktest.Main(func() int {
		code := m.Run()
		if code == 0 && rawefd.HasDoorbell && rawefd.SharedAtomics && !shared {
			shared = true
			code = m.Run()
		}
		return code
	})
}

// mustNew returns a queue that is closed when the test ends.
func mustNew[T any](t testing.TB, capacity int) *queue.Queue[T] {
	t.Helper()
	q, err := queue.New[T](capacity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	if shared {
		mustHandle(t, q)
	}
	return q
}

func mustHandle[T any](t testing.TB, q *queue.Queue[T]) unsafe.Pointer {
	t.Helper()
	h := q.Handle()
	if h == nil {
		t.Fatal("Handle = nil")
	}
	return h
}

func mustSend[T any](t testing.TB, q *queue.Queue[T], v T) {
	t.Helper()
	if err := q.Send(v); err != nil {
		t.Fatal(err)
	}
}
