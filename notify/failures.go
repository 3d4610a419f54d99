package notify

import (
	"os"
	"sync"
)

// failures are the errors of calls of Wait that end with 0, by place. There are almost
// never any, so a place has no room for them.
var failures sync.Map

// fail ends a Wait with an error, which that call fetches after it has received the 0.
// So the place is not used again. The caller holds the lock.
func (n *Notifier) fail(p *place, err error) {
	if p == n.home {
		n.home = nil
	}
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
