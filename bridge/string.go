package bridge

import "fmt"

// String returns a text such as "Watcher(descriptor 7)", or "Watcher(closed)" after Close.
// It never blocks.
func (w *Watcher) String() string {
	if w.closed.Load() {
		return "Watcher(closed)"
	}
	return fmt.Sprintf("Watcher(descriptor %d)", w.fd)
}
