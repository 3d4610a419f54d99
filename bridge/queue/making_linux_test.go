package queue_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/eventchan/eventchan/bridge/queue"
	"github.com/eventchan/eventchan/internal/rawefd"
	"github.com/eventchan/eventchan/internal/testing/hammer"
)

// whileMaking calls f each time that a Handle is about to map memory for the values of a queue of 1 MiB or
// more. The number of these calls includes the current one.
func whileMaking(t *testing.T, f func(mappings int32)) {
	var mappings atomic.Int32
	t.Cleanup(rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
		if c.Name == "mmap" && c.Arg > 1<<20 {
			f(mappings.Add(1))
		}
		return 0
	}))
}

// waiting returns how many goroutines wait in Handle for another Handle.
func waiting() (n int) {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, " [sync.Mutex.Lock") && strings.Contains(stack, "]).Handle(") {
			n++
		}
	}
	return n
}

// Concurrent Handles make the memory of the queue once, and all return its address.
func TestConcurrentHandlesMakeOneMemory(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q := newPrivate(t)
	defer q.Close()
	mustSend(t, q, [1016]byte{7})
	const others = 3
	handles := make(chan unsafe.Pointer, others)
	var made atomic.Int32
	whileMaking(t, func(mappings int32) {
		made.Store(mappings)
		if mappings > 1 {
			return
		}
		for range others {
			go func() { handles <- q.Handle() }()
		}
		hammer.Eventually(t, func() string { return fmt.Sprintf("%d Handles wait, want %d", waiting(), others) },
			func() bool { return waiting() == others || made.Load() > 1 })
	})
	h := mustHandle(t, q)
	for range others {
		if got := <-handles; got != h {
			t.Errorf("Handle = %p, and %p concurrently", h, got)
		}
	}
	if got := made.Load(); got != 1 {
		t.Errorf("%d Handles made memory, want only the first", got)
	}
	if got, ok := q.TryReceive(); !ok || got[0] != 7 {
		t.Errorf("TryReceive = %v..., %v; want the value sent before", got[0], ok)
	}
}

// While Handle makes its memory, which takes long, other calls do not wait for it.
func TestNoCallWaitsForMemoryOfHandle(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	q := newPrivate(t)
	defer q.Close()
	whileMaking(t, func(int32) {
		done := make(chan bool)
		go func() {
			defer close(done)
			if err := q.Send([1016]byte{7}); err != nil {
				t.Errorf("Send = %v", err)
			}
			if got := q.Len(); got != 1 {
				t.Errorf("Len = %d, want 1", got)
			}
			wantReceive(t, q, [1016]byte{7})
			q.C()
			q.Close()
		}()
		hammer.Eventually(t, func() string { return "a call waits for Handle" }, func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
	})
	if got := q.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
}

// The memory that a Handle has made is released if Close was faster.
func TestHandleAfterCloseLeavesNoMemory(t *testing.T) {
	if !rawefd.HasDoorbell {
		return
	}
	const size = 32 << 20
	q, err := queue.New[[1016]byte](size / 1024)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	whileMaking(t, func(int32) { q.Close() })
	before := residentBytes(t)
	if got := q.Handle(); got != nil {
		t.Errorf("Handle = %p after Close, want nil", got)
	}
	if got := residentBytes(t) - before; got > size/2 {
		t.Errorf("%d more bytes are in memory", got)
	}
}

// residentBytes returns how much memory of this process is not paged out or released.
func residentBytes(t *testing.T) int {
	t.Helper()
	var pages, resident int
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Fscan(bytes.NewReader(statm), &pages, &resident)
	}
	if err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}
