//go:build linux

// Command process shares eventfds with another process in the two ways that
// need no inheritance. It takes one of the other's by pid and descriptor number
// alone, and sends one to the other over a unix socket (SCM_RIGHTS). It exits with status 1
// if a count is wrong.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/eventchan/eventchan/notify"
)

// These are what the other process adds to the eventfd that is taken from it, and to the
// one that is sent to it.
const byNumber, byMessage = 3, 4

func main() {
	log.SetFlags(0)
	if len(os.Args) == 3 && os.Args[1] == "other" {
		beOther(os.Args[2])
		return
	}
	other, conn := startOther()
	pid, fd := other.Process.Pid, readNumber(conn)

	theirs, wantTheirs := take(pid, fd)
	ours, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer ours.Close()
	send(conn, ours)

	var gotTheirs, gotOurs uint64
	deadline := time.After(10 * time.Second)
	for gotTheirs < wantTheirs || gotOurs < byMessage {
		select {
		case n := <-theirs:
			gotTheirs += n
			fmt.Printf("by number: descriptor %d of process %d brought %d\n", fd, pid, n)
		case n := <-ours.C():
			gotOurs += n
			fmt.Printf("by message: the descriptor that was sent brought %d\n", n)
		case <-deadline:
			log.Fatal("too few signals within 10 seconds")
		}
	}
	conn.Close() // the other process waits for that
	if err := other.Wait(); err != nil {
		log.Fatal("the other process failed: ", err)
	}
	rest, _ := ours.TryWait()
	if gotOurs += rest; gotTheirs != wantTheirs || gotOurs != byMessage {
		log.Fatalf("got %d and %d, want %d and %d", gotTheirs, gotOurs, wantTheirs, byMessage)
	}
}

// take makes a Notifier of a descriptor of another process, without that process's help.
// It must be allowed to ptrace that process: sandboxes can deny that, and Yama
// allows it only for one's own children.
func take(pid, fd int) (counts <-chan uint64, want uint64) {
	n, err := notify.FromProcess(pid, fd)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("by number: left out:", err)
		return nil, 0
	}
	if err != nil {
		log.Fatal(err)
	}
	return n.C(), byNumber
}
