// Command kvm makes virtual machines of a few bytes with /dev/kvm. Their writes to ports and memory arrive in a
// notify.Notifier and a semaphore.Semaphore, because KVM signals an eventfd for each write (KVM_IOEVENTFD). A Notifier
// interrupts the machines (KVM_IRQFD). Each check is a claim about what arrives.
//
// It exits with status 1 if a check fails. If /dev/kvm cannot be used, it prints the reason and leaves everything out;
// README.md says how to run it there.
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
