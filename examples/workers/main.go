//go:build linux

// Command workers limits how many pieces of work three processes do
// concurrently: a parent and two children, each with its own goroutines.
// It exits with status 1 if there were ever more, or if a permit was
// lost.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/eventchan/eventchan/semaphore"
)

const (
	limit      = 3
	children   = 2
	goroutines = 4   // in each process
	pieces     = 250 // for each goroutine
)

func main() {
	log.SetFlags(0)
	if len(os.Args) == 2 && os.Args[1] == "child" {
		permits, err := semaphore.FromFD(3)
		if err != nil {
			log.Fatal(err)
		}
		work(permits, mapBoard(os.NewFile(4, "board")))
		return
	}

	permits, err := semaphore.New(limit)
	if err != nil {
		log.Fatal(err)
	}
	defer permits.Close()
	shared, err := permits.File() // a duplicate, for the children to inherit
	if err != nil {
		log.Fatal(err)
	}
	boardFile := newBoard()
	board := mapBoard(boardFile)

	var processes [children]*exec.Cmd
	for i := range processes {
		processes[i] = exec.Command("/proc/self/exe", "child")
		processes[i].Stderr = os.Stderr
		processes[i].ExtraFiles = []*os.File{shared, boardFile}
		if err := processes[i].Start(); err != nil {
			log.Fatal(err)
		}
	}
	work(permits, board)
	for _, process := range processes {
		if err := process.Wait(); err != nil {
			log.Fatal("a child failed: ", err)
		}
	}

	free, err := permits.Count()
	if err != nil {
		log.Fatal(err)
	}
	done, most := board.done.Load(), board.most.Load()
	fmt.Printf("%d pieces of work in %d processes, at most %d at a time, %d permits free at the end\n",
		done, 1+children, most, free)
	if done != (1+children)*goroutines*pieces || most > limit || free != limit {
		log.Fatalf("want %d pieces, at most %d at a time, %d permits", (1+children)*goroutines*pieces, limit, limit)
	}
}
