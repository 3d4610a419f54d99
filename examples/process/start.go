//go:build linux

package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// startOther starts this program once more and returns its connection to a unix
// socket in the abstract namespace, which is not a file.
func startOther() (*exec.Cmd, *net.UnixConn) {
	name := fmt.Sprintf("@eventchan-example-process-%d", os.Getpid())
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	other := exec.Command("/proc/self/exe", "other", name)
	other.Stderr = os.Stderr
	if err := other.Start(); err != nil {
		log.Fatal(err)
	}
	listener.SetDeadline(time.Now().Add(10 * time.Second)) // in case the other process fails to start
	conn, err := listener.AcceptUnix()
	if err != nil {
		log.Fatal(err)
	}
	return other, conn
}

func dial(name string) *net.UnixConn {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		log.Fatal(err)
	}
	return conn
}

func readNumber(conn *net.UnixConn) int {
	var text [16]byte
	n, err := conn.Read(text[:])
	if err != nil {
		log.Fatal(err)
	}
	number, err := strconv.Atoi(string(text[:n]))
	if err != nil {
		log.Fatal(err)
	}
	return number
}
