//go:build linux

package main

import (
	"log"
	"net"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

// send sends the descriptor along with one byte, because a stream carries no
// message without data.
func send(conn *net.UnixConn, n *notify.Notifier) {
	if _, _, err := conn.WriteMsgUnix([]byte{0}, unix.UnixRights(n.FD()), nil); err != nil {
		log.Fatal(err)
	}
}

// receive returns the number that the descriptor sent by send has here. (Go
// asks for close-on-exec by itself.)
func receive(conn *net.UnixConn) int {
	control := make([]byte, unix.CmsgSpace(4))
	_, length, _, _, err := conn.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		log.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:length])
	if err != nil || len(messages) != 1 {
		log.Fatalf("no control message: %v", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		log.Fatalf("no descriptor: %v", err)
	}
	return fds[0]
}
