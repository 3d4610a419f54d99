//go:build linux

// Command python lets a Python program signal a Go select, and wait for Go in
// return. It exits with status 1 if a count is wrong. If there is no Python, it says so.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eventchan/eventchan/notify"
)

const (
	greeting = 321  // added by Python in three writes
	question = 5    // added by Go
	answer   = 5000 // a thousand times that, added by Python
)

func main() {
	log.SetFlags(0)
	toGo, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer toGo.Close()
	toPython, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer toPython.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ended, err := start(ctx, toGo, toPython)
	if err != nil {
		fmt.Println("left out:", err)
		return
	}
	got, running := uint64(0), true
	for running || got < greeting+answer {
		select {
		case n := <-toGo.C():
			got += n
			fmt.Printf("Python added %d, which makes %d\n", n, got)
			if got == greeting {
				if err := toPython.Add(question); err != nil {
					log.Fatal(err)
				}
			}
		case err := <-ended:
			if tooOld(err) {
				return // child.py has said so
			}
			if err != nil {
				log.Fatal("python3: ", err)
			}
			running = false
		case <-ctx.Done():
			log.Fatalf("Python added %d within 30 seconds", got)
		}
	}
	if got != greeting+answer {
		log.Fatalf("want %d", greeting+answer)
	}
}
