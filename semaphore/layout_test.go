package semaphore

import (
	"testing"
	"unsafe"
)

// The fields that each call reads, the fields that each call writes and the fields that the
// lock guards are on separate cache lines. TestLayout of counter checks the Counter's part.
func TestLayout(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) < 8 {
		return // the layout is promised on 64-bit systems only
	}
	const line = 64
	var s Semaphore
	count := unsafe.Offsetof(s.count)
	if count != line-3*8 {
		t.Errorf("the Counter begins at byte %d, want %d", count, line-3*8)
	}
	for name, offset := range map[string]uintptr{
		"since": unsafe.Offsetof(s.since), "limit": unsafe.Offsetof(s.limit), "c": unsafe.Offsetof(s.c), "home": unsafe.Offsetof(s.home),
	} {
		if offset >= count {
			t.Errorf("%s is at byte %d, want it in front of the Counter", name, offset)
		}
	}
	for name, offset := range map[string]uintptr{
		"waiters": unsafe.Offsetof(s.waiters), "large": unsafe.Offsetof(s.large), "slow": unsafe.Offsetof(s.slow),
	} {
		if offset <= count {
			t.Errorf("%s is at byte %d, want it behind the Counter", name, offset)
		}
	}
	if size := unsafe.Sizeof(s); size != 3*line {
		t.Errorf("a Semaphore has %d bytes, want %d: objects of that size begin on a cache line", size, 3*line)
	}
	if size := unsafe.Sizeof(place{}); size > line {
		t.Errorf("a place has %d bytes, want at most %d: the memory of a waiting goroutine", size, line)
	}
	for range 100 {
		if s := NewWeighted(1); uintptr(unsafe.Pointer(s))%line != 0 {
			t.Fatalf("a Semaphore is at %p, want it to begin on a cache line", s)
		}
	}
}
