//go:build unix

package rawefd

import "sync"

// owned are the numbers that FDs own.
var owned numbers

// numbers is a set of descriptor numbers.
type numbers struct {
	mu  sync.Mutex
	set map[int]struct{}
}

// add reports whether num was not in the set.
func (n *numbers) add(num int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.set[num]; ok {
		return false
	}
	if n.set == nil {
		n.set = make(map[int]struct{})
	}
	n.set[num] = struct{}{}
	return true
}

func (n *numbers) remove(num int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.set, num)
}
