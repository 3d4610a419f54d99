package notify

import (
	"os"
	"sync"
)

// failures are the errors of failed calls of Wait, by place. They are so rare that a place has no field
// for them.
var failures sync.Map

// fail ends a Wait with an error, which that call fetches after it has received 0, before it frees its
// place. The caller holds the lock.
func (n *Notifier) fail(p *place, err error) {
	failures.Store(p, err)
	n.give(p, 0)
}

// failure returns the error of a Wait that has received 0.
func failure(p *place) error {
	if err, ok := failures.LoadAndDelete(p); ok {
		return err.(error)
	}
	return os.ErrClosed
}
