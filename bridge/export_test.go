package bridge

import "context"

// Sleep is what Wait does once it has found nothing: what comes between the two
// must be seen by it.
func Sleep(ctx context.Context, w *Watcher) (Events, error) { return w.sleep(ctx) }

// Join is what a Wait does next: it returns the channel that ends it.
func Join(w *Watcher) <-chan struct{} { return w.join().done }

// Level has the poller report events to a Watcher, as it can until Close has removed the
// watch.
func Level(w *Watcher, events Events) bool { return (*target)(w).Level(uint32(events)) }

// Edge has the poller report an edge to a Watcher, and Changed that other events are
// asked for.
func Edge(w *Watcher, events Events)    { (*target)(w).Edge(uint32(events)) }
func Changed(w *Watcher, events Events) { (*target)(w).Changed(uint32(events)) }

// Sleeping reports whether a goroutine leads, and whether others follow.
func Sleeping[K any](s *Set[K]) (leading, following bool) {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	return s.members.leading, s.members.round != nil
}
