package notify

// Waiting returns the number of goroutines that sleep in Wait.
func Waiting(n *Notifier) int {
	n.count.LockShut()
	defer n.count.UnlockShut()
	return n.waiters.Len()
}
