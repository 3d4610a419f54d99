package bridge

// A target is a Watcher as the poller sees it: a poller.Target. It is a type of its own so
// that these methods are not exported by Watcher.
type target Watcher

// Changed removes from C's buffer the events that are no longer asked for.
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

// Edge merges events into C's buffer.
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
	t.c <- events // never blocks: the buffer is empty, and every sender holds mu
}

// Level ends the round, if there is one, with the events that are there now. It reports
// whether there was one.
func (t *target) Level(bits uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed.Load() {
		return false
	}
	events := Events(bits)
	if events&Priority != 0 {
		t.last = events
		t.urgent.Add(1)
	}
	r := t.round
	if r == nil {
		return false
	}
	t.round = nil
	r.events = events
	close(r.done)
	return true
}
