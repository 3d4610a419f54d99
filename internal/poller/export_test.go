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
