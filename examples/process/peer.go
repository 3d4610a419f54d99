//go:build linux

package main

import (
	"io"
	"log"
	"os"
	"strconv"

	"github.com/eventchan/eventchan/notify"
)

// beOther is what the other process does.
func beOther(address string) {
	conn := dial(address)
	own, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	if err := own.Add(byNumber); err != nil {
		log.Fatal(err)
	}
	// The first process gets only that number.
	if _, err := conn.Write([]byte(strconv.Itoa(own.FD()))); err != nil {
		log.Fatal(err)
	}

	sent, err := notify.FromFD(receive(conn))
	if err != nil {
		log.Fatal(err)
	}
	if err := sent.Add(byMessage); err != nil {
		log.Fatal(err)
	}
	// Until the first process hangs up, the number must refer to the eventfd.
	io.Copy(io.Discard, conn)
	own.Close()
	sent.Close()
	os.Exit(0)
}
