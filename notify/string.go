package notify

// String returns the state of the Notifier: "Notifier(private)", "Notifier(shared)" after Handle,
// "Notifier(descriptor 7)" once it has an eventfd, or "Notifier(closed)". It never blocks.
func (n *Notifier) String() string { return "Notifier(" + n.count.State() + ")" }
