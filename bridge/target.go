package bridge

// A target is a Watcher as the poller sees it, so that these methods are not
// among the Watcher's own.
type target Watcher

// Changed takes from C's buffer what is no longer asked for.
func (t *target) Changed(bits uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed.Load() {
		return
	}
	select {
	case held := <-t.c:
		if held &= Events(bits) | unasked; held != 0 {
			t.c <- held
		}
	default:
	}
}

// Edge merges events into C.
func (t *target) Edge(bits uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed.Load() {
		return
	}
	events := Events(bits)
	select {
	case held := <-t.c:
		events |= held
	default:
	}
	t.c <- events // never blocks: only we send, under mu
}

// Level ends the round, if there is one.
func (t *target) Level(bits uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.round
	if r == nil || t.closed.Load() {
		return false
	}
	t.round = nil
	r.events = Events(bits)
	close(r.done)
	return true
}
