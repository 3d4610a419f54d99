package poller

// Place returns w.at, and whether that is the index at which w's item has it.
func (w *Watch) Place() (at int, there bool) {
	borrowed.Lock()
	defer borrowed.Unlock()
	return w.at, w.item != nil && w.item.watches[w.at] == w
}

// Sets returns how many sets there are.
func Sets() int {
	borrowed.Lock()
	defer borrowed.Unlock()
	return len(sets)
}

// Moved gives w what move hands to it if its new item has reported a pulse.
func Moved(w *Watch, bits uint32) {
	borrowed.Lock()
	defer borrowed.Unlock()
	var e early
	e.Edge(bits)
	e.Level(bits)
	e.handTo(w)
}
