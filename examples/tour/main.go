//go:build linux

// Command tour lets five signalers that are not goroutines of this program
// reach one select loop: a C thread, the kernel, another process, a timer, and
// permits that are shared with that process. It exits with status 1 if what
// arrives is not exactly what was sent.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "child" {
		beChild()
		return
	}
	fmt.Print(`Goroutines wait on channels; the rest of the machine waits on descriptors.
Here five signalers that are not goroutines reach one select in Go:

`)
	// A Notifier is a count. Whatever has its descriptor can add to it.
	fromThread := must(notify.New())
	fromKernel := must(notify.New())
	fromChild, toChild := must(notify.New()), must(notify.New())
	// A Semaphore is a number of permits. All processes that have its descriptor share them.
	permits := must(semaphore.New(2))

	thread := startThread(fromThread.FD())
	reads := startReads(fromKernel.FD())
	child := startChild(fromChild, toChild, permits)
	timer := startTimer()
	// A Watcher reports the readiness of any other descriptor on a channel.
	ticks := must(bridge.Watch(timer.fd, bridge.Readable))

	fmt.Print("\nWhat the loop receives (the first three times of each):\n\n")
	var free <-chan struct{} // nil and therefore never ready while the child has the permits
	deadline := time.After(10 * time.Second)
	for late := false; !late && !complete(); {
		select {
		case n := <-fromThread.C():
			thread.heard(n)
		case n := <-fromKernel.C():
			reads.heard(n)
		case n := <-fromChild.C():
			child.heard(n)
			child.expect(!permits.TryAcquire(1), "the child has both permits, yet there was one more")
			free = permits.C()
			check(toChild.Notify()) // asks the child to give them back
		case <-ticks.C():
			timer.heard(timer.expirations())
		case <-free:
			child.permits.heard(1)
		case <-deadline:
			late = true
		}
	}
	goroutines := runtime.NumGoroutine()

	// All signalers have ended. If something is left, too much was sent.
	thread.join()
	reads.join()
	child.join()
	thread.heardLate(fromThread.TryWait())
	reads.heardLate(fromKernel.TryWait())
	child.heardLate(fromChild.TryWait())
	if !report() {
		os.Exit(1)
	}
	fmt.Printf("\nGoroutines when the loop ended: %d, the loop itself and %d of the library's.\n", goroutines, goroutines-1)
}
