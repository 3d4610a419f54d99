package bridge

import "context"

// Sleep is the slow path of Wait, after it has found no event. It must see an event that
// comes between the two.
func Sleep(ctx context.Context, w *Watcher) (Events, error) { return Look(w)(ctx) }

// Look is the beginning of a Wait that finds no event. It returns the slow path of that Wait.
func Look(w *Watcher) (sleep func(context.Context) (Events, error)) {
	urgent := w.urgent.Load()
	return func(ctx context.Context) (Events, error) { return w.sleep(ctx, urgent) }
}

// Join is the first step of Sleep. It returns the channel whose closing ends the round.
func Join(w *Watcher) <-chan struct{} {
	r, _ := w.join(w.urgent.Load())
	return r.done
}

// Level reports events to a Watcher as the poller does. The poller can do so until Close
// has removed the watch.
func Level(w *Watcher, events Events) bool { return (*target)(w).Level(uint32(events)) }

// Edge reports an edge to a Watcher as the poller does, and Changed reports that other
// events are asked for.
func Edge(w *Watcher, events Events)    { (*target)(w).Edge(uint32(events)) }
func Changed(w *Watcher, events Events) { (*target)(w).Changed(uint32(events)) }

// Pulsed returns the length of the list of slots with a kept pulse.
func Pulsed[K any](s *Set[K]) int {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	return len(s.members.pulsed)
}

// Sleeping reports whether there is a leader, and whether there are followers.
func Sleeping[K any](s *Set[K]) (leading, following bool) {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	return s.members.leading, s.members.round != nil
}

// LastTurn is called instead of 1<<32 - 1 calls of Poll.
func LastTurn[K any](s *Set[K]) {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	s.members.turn = 1<<32 - 1
}

// Waiters returns how many goroutines are blocked in Wait.
func Waiters(w *Watcher) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round == nil {
		return 0
	}
	return w.round.waiters
}
