//go:build unix

package rawefd

import "sync"

// owned has the numbers of all FDs and of the doorbell.
var owned numbers

// numbers is a set of descriptor numbers. They are small, because the kernel hands out the
// lowest free one.
type numbers struct {
	mu   sync.Mutex
	bits []uint64
}

// add adds num and reports whether it was not in the set.
func (n *numbers) add(num int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.bits) <= num/64 {
		n.bits = append(n.bits, 0)
	}
	word, bit := &n.bits[num/64], uint64(1)<<(num%64)
	added := *word&bit == 0
	*word |= bit
	return added
}

func (n *numbers) remove(num int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if num/64 < len(n.bits) {
		n.bits[num/64] &^= 1 << (num % 64)
	}
}
