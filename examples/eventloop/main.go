//go:build linux

// Command eventloop is an echo server for 1,000 clients in one goroutine: raw sockets in
// a bridge.Set, none of which is ever an os.File or a net.Conn. It exits with status 1
// if a client does not get back what it has sent.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

const clients = 1000

func main() {
	log.SetFlags(0)
	set, err := bridge.NewSet[*conn]()
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	listener, port, err := listen()
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(listener) // the Set only watches it
	s := &server{set: set, listener: &conn{fd: listener}}
	if err := set.Add(listener, bridge.Readable, s.listener); err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	go func() { stop(talk(port)) }()
	if err := s.run(ctx); !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
	if err := context.Cause(ctx); err != errServed {
		log.Fatal(err)
	}
	fmt.Printf("%d clients got back %d bytes from one goroutine\n", clients, s.echoed)
}

// run serves until ctx is done.
func (s *server) run(ctx context.Context) error {
	ready := make([]bridge.Event[*conn], 128)
	for {
		n, err := s.set.Wait(ctx, ready)
		if err != nil {
			return err
		}
		for _, ev := range ready[:n] {
			if err := s.handle(ev.Key, ev.Events); err != nil {
				return err
			}
		}
	}
}

// listen returns a socket that listens on a free port of the loopback interface.
func listen() (fd, port int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return -1, 0, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, clients); err != nil {
		return -1, 0, os.NewSyscallError("listen", err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		return -1, 0, os.NewSyscallError("getsockname", err)
	}
	return fd, address.(*unix.SockaddrInet4).Port, nil
}
