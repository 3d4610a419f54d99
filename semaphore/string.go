package semaphore

// String returns the state of the Semaphore: "Semaphore(private)", "Semaphore(shared)"
// after Handle, "Semaphore(descriptor 7)" once it has an eventfd, or "Semaphore(closed)". It
// never blocks.
func (s *Semaphore) String() string { return "Semaphore(" + s.count.State() + ")" }
