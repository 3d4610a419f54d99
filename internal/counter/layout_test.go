package counter

import (
	"testing"
	"unsafe"
)

// before is an owner: its fields before its Counter take 40 bytes.
type before struct {
	_     [lineSize - 3*ptrSize]byte
	count Counter
}

// The fields that each call reads end with a cache line, those that each call writes fill the
// next one, and the lock begins the one after that.
func TestLayout(t *testing.T) {
	if ptrSize < 8 {
		return // the layout is only for 64-bit systems
	}
	var o before
	start := unsafe.Offsetof(o.count)
	for name, got := range map[string]struct{ offset, line uintptr }{
		"word":   {unsafe.Offsetof(o.count.word), 0},
		"fd":     {unsafe.Offsetof(o.count.fd), 0},
		"bell":   {unsafe.Offsetof(o.count.bell), 0},
		"own":    {unsafe.Offsetof(o.count.own), 1},
		"tally":  {unsafe.Offsetof(o.count.Tally), 1},
		"source": {unsafe.Offsetof(o.count.source), 1},
		"mu":     {unsafe.Offsetof(o.count.mu), 2},
		"shut":   {unsafe.Offsetof(o.count.shut), 2},
	} {
		if line := (start + got.offset) / lineSize; line != got.line {
			t.Errorf("%s is at byte %d, on line %d, want line %d", name, start+got.offset, line, got.line)
		}
	}
	if own := start + unsafe.Offsetof(o.count.own); own != lineSize {
		t.Errorf("own is at byte %d, want %d", own, lineSize)
	}
	if mu := start + unsafe.Offsetof(o.count.mu); mu != 2*lineSize {
		t.Errorf("mu is at byte %d, want %d", mu, 2*lineSize)
	}
}
