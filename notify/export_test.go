package notify

// Waiting returns the number of goroutines that sleep in Wait.
func Waiting(n *Notifier) int { return int(n.queued.Load()) }
