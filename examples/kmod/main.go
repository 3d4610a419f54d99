// Command kmod lets a kernel module wake goroutines, and goroutines wake the kernel. The module eventchan must be
// loaded (README.md); the program needs to be root. It exits with status 1 if it did not see what it should.
package main

import (
	"fmt"
	"os"

	"github.com/eventchan/eventchan/examples/kmod/device"
	"github.com/eventchan/eventchan/notify"
)

const (
	signals = 1_000
	echoes  = 100
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kmod:", err)
		os.Exit(1)
	}
}

func run() error {
	dev, err := device.Open()
	if err != nil {
		return err
	}
	defer dev.Close()
	fromKernel, err := notify.New()
	if err != nil {
		return err
	}
	defer fromKernel.Close()
	toKernel, err := notify.New()
	if err != nil {
		return err
	}
	defer toKernel.Close()

	if err := dev.Attach(fromKernel.FD()); err != nil {
		return err
	}
	for _, from := range []device.Source{device.Caller, device.Thread, device.Timer} {
		if err := dev.Signal(signals, from, 100); err != nil {
			return err
		}
	}
	receives := receive(fromKernel.C(), 3*signals)
	fmt.Printf("kernel to Go: %d signals in %d receives\n", 3*signals, receives)

	if err := dev.Listen(toKernel.FD(), fromKernel.FD()); err != nil {
		return err
	}
	if err := toKernel.Add(echoes); err != nil {
		return err
	}
	receive(fromKernel.C(), echoes)
	stats, err := dev.Stats()
	if err != nil {
		return err
	}
	fmt.Printf("Go to kernel and back: %d signals taken, %d answered\n", stats.Received, stats.Replied)
	if stats.SentIRQ != signals || stats.Received != echoes {
		return fmt.Errorf("the kernel counted otherwise: %+v", stats)
	}
	return nil
}

// receive takes counts until their sum is want, and returns how many receives that took.
func receive(counts <-chan uint64, want uint64) (receives int) {
	for got := uint64(0); got < want; receives++ {
		got += <-counts
	}
	return receives
}
