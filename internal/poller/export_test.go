package poller

// Place returns the index of a Watch in its item, and whether the item has it there.
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
