// Command kvm makes virtual machines of a few bytes with /dev/kvm. Their writes to ports and memory arrive in a
// notify.Notifier and a semaphore.Semaphore, since KVM signals an eventfd for each (KVM_IOEVENTFD), and a Notifier
// interrupts them (KVM_IRQFD). Each check is a claim about what arrives.
//
// It exits with status 1 if a check fails, and says why it leaves everything out where /dev/kvm cannot be used; README.md
// has a way to run it there.
package main

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/examples/internal/check"
)

func main() {
	if err := available(); err != nil {
		fmt.Println("kvm  left out:", err)
		return
	}
	if !check.Run(allChecks(), false) {
		os.Exit(1)
	}
}
