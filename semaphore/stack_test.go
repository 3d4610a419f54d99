//go:build !race

package semaphore_test

import (
	"testing"
	"testing/synctest"
	"unsafe"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// A Release that wakes a waiter needs little more of the stack than a send to a channel does, so a new goroutine
// has room for it. If it had none, each goroutine of a large crowd would have to grow its stack in its
// first Release, one after another: one wait in a thousand would take three times as long. Without
// the compiler's optimization, as in a debugger, frames are larger and this test fails.
func TestReleaseNeedsLittleStack(t *testing.T) {
	const most = 480 // bytes; with 504 the stack had to grow
	if !mode.First() {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		send := room(func() func() {
			c := make(chan struct{})
			go func() { <-c }()
			return func() { c <- struct{}{} }
		})
		release := room(func() func() {
			s := semaphore.NewWeighted(1)
			mustAcquire(t, s, 1)
			go func() { mustAcquire(t, s, 1) }()
			return func() { s.Release(1) }
		})
		if release+most < send {
			t.Errorf("Release needs %d bytes more of the stack than a send does, want at most %d", send-release, most)
		}
	})
}

// room returns how many bytes of its stack a new goroutine can have used before it calls a function of prepare
// without a need for the stack to grow.
func room(prepare func() func()) (free uintptr) {
	for depth := 0; ; depth++ {
		f := prepare()
		synctest.Wait()
		var used uintptr
		grew := make(chan bool)
		go func() {
			var mark byte
			begin := uintptr(unsafe.Pointer(&mark))
			used = deepen(depth, f, begin)
			grew <- begin != uintptr(unsafe.Pointer(&mark))
		}()
		if <-grew {
			return free
		}
		free = used
	}
}

// deepen calls f after depth more calls, and returns how far from begin on the stack that was.
//
//go:noinline
func deepen(depth int, f func(), begin uintptr) uintptr {
	if depth > 0 {
		return deepen(depth-1, f, begin)
	}
	var mark byte
	used := begin - uintptr(unsafe.Pointer(&mark))
	f()
	return used
}
