package notify

import (
	"testing"
	"unsafe"
)

// The fields that each call reads, the fields that each call writes and the fields that the
// lock guards are on separate cache lines. TestLayout of counter checks the Counter's part.
func TestLayout(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) < 8 {
		return // the layout is only for 64-bit systems
	}
	const line = 64
	var n Notifier
	if got := unsafe.Offsetof(n.count); got != line-3*8 {
		t.Errorf("the Counter begins at byte %d, want %d", got, line-3*8)
	}
	// Go's allocator rounds larger sizes than this up to 192 bytes, which is three lines.
	if size := unsafe.Sizeof(n); size <= 176 || size > 3*line {
		t.Errorf("a Notifier has %d bytes, want 177 to %d", size, 3*line)
	}
	for range 100 {
		n, err := New()
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(unsafe.Pointer(n))%line != 0 {
			t.Fatalf("a Notifier is at %p, want it to begin on a cache line", n)
		}
	}
}
