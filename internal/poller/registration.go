package poller

// register enters the source in the current loop, for the events in bits.
//
// The caller can hold the lock of the source's owner while register yields, because the loops that are
// ending do not need it: an owner registers one Source in its life, and not another one after that. A
// loop that is ending can still be calling Ready of a Source that has been closed, which takes that lock.
// A registration that has failed does not count, because it never had an event.
func (s *Source) register(bits uint32) error {
	yieldToEnds()
	mu.Lock()
	defer mu.Unlock()
	if current == nil {
		if err := start(); err != nil {
			return err
		}
	}
	lastID++
	s.loop, s.id = current, lastID
	current.sources[s.id] = s // before Add, whose first event can come immediately
	s.count(true)
	if err := current.Add(int(s.num), bits, s.id); err != nil {
		s.forget()
		s.loop = nil
		return err
	}
	return nil
}

// forget undoes register. The caller holds mu.
func (s *Source) forget() {
	s.count(false)
	s.need(false)
	delete(s.loop.sources, s.id)
	if len(s.loop.sources) == 0 {
		s.loop.stop()
	}
}

// arm makes the source ask for events. Events that are there now count as new.
func (s *Source) arm(bits uint32) error {
	s.count(true)
	err := s.loop.Modify(int(s.num), bits, s.id)
	if err != nil {
		s.count(false)
	}
	return err
}

// count records whether the source asks for events.
func (s *Source) count(armed bool) {
	if armed != s.armed {
		s.armed = armed
		s.loop.armed.Add(change(armed))
	}
}

// need records whether the owner has sleepers.
func (s *Source) need(needed bool) {
	if needed != s.needed {
		s.needed = needed
		s.loop.post.Need(change(needed))
	}
}

func change(more bool) int32 {
	if more {
		return 1
	}
	return -1
}
