package semaphore

import "testing"

// A waiter retreats only if enough permits were free when it was woken, and for longer each time, within bounds.
func TestRetreatsAreCounted(t *testing.T) {
	var w waiter
	if w.tried(); w.retreats != 0 {
		t.Errorf("retreats = %#x after an attempt that promised nothing, want 0", w.retreats)
	}
	for i := range uint8(2 * mostCounted) {
		w.hopeful = true
		want := min(i+1, mostCounted) | retreating
		if w.tried(); w.retreats != want || w.hopeful {
			t.Errorf("after attempt %d: retreats = %#x, hopeful = %v; want %#x, false", i+1, w.retreats, w.hopeful, want)
		}
		w.retreats &^= retreating // as look does
	}
	const n, tries = 1 << 20, 1000
	longest := func(retreats uint8) (d int64) {
		for range tries {
			d = max(d, int64(retreat(n, retreats|retreating)))
		}
		return d
	}
	if first, last := longest(1), longest(mostCounted); last <= first {
		t.Errorf("the longest of %d retreats is %d ns at first and %d ns at last, want it to grow", tries, first, last)
	}
}
