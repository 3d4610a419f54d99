// Command select waits in one select for work, for a free slot for it, for the
// clock and for the end. It exits with status 1 if a job was lost or done twice, or if too many ran
// concurrently.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

const (
	jobs  = 40
	slots = 2
)

func main() {
	work, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer work.Close()
	slot, err := semaphore.New(slots)
	if err != nil {
		log.Fatal(err)
	}
	defer slot.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	go func() { // it could also be a C thread or another process
		for range jobs {
			work.Notify() // if it failed, a job would be missing at the end
		}
	}()
	var running, finished atomic.Int64
	do := func() {
		if running.Add(1) > slots {
			log.Fatal("too many concurrent jobs")
		}
		sha256.Sum256(make([]byte, 1<<20))
		running.Add(-1)
		slot.Release(1)
		if finished.Add(1) == jobs {
			cancel()
		}
	}

	clock := time.NewTicker(10 * time.Millisecond)
	defer clock.Stop()
	ordered, waiting := 0, 0
	for {
		var free <-chan struct{} // nil and therefore never ready while no job is waiting
		if waiting > 0 {
			free = slot.C()
		}
		select {
		case n := <-work.C(): // as many jobs as were ordered since the last receive
			ordered += int(n)
			waiting += int(n)
		case <-free: // each receive is one permit acquired
			waiting--
			go do()
		case <-clock.C:
			fmt.Printf("%d jobs ordered, %d of them waiting\n", ordered, waiting)
		case <-ctx.Done():
			fmt.Printf("%d jobs ordered, %d done\n", ordered, finished.Load())
			if ordered != jobs || finished.Load() != jobs {
				log.Fatalf("want %d", jobs)
			}
			return
		}
	}
}
