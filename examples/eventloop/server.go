//go:build linux

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
)

type server struct {
	set      *bridge.Set[*conn]
	listener *conn
	buf      [4096]byte
	echoed   int
}

// A conn is a socket that the server owns, with the data that is still to be written to it.
type conn struct {
	fd      int
	pending []byte
}

// handle does one thing for a ready member. The Set is level-triggered: if the member is still
// ready, the next Wait returns it again, after the other members have had their turn.
func (s *server) handle(c *conn, events bridge.Events) error {
	switch {
	case c == s.listener:
		return s.accept()
	case events&bridge.Writable != 0:
		return s.write(c)
	}
	return s.read(c)
}

func (s *server) accept() error {
	fd, _, err := unix.Accept4(s.listener.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ECONNABORTED) {
		return nil
	} else if err != nil {
		return os.NewSyscallError("accept4", err)
	}
	return s.set.Add(fd, bridge.Readable, &conn{fd: fd})
}

func (s *server) read(c *conn) error {
	n, err := unix.Read(c.fd, s.buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case n <= 0: // the client has closed its end, or the read failed
		return s.drop(c)
	}
	c.pending = append(c.pending, s.buf[:n]...)
	return s.write(c)
}

// write writes what is pending. Until all of it is written, the server waits for room in the
// socket, and not for more to read.
func (s *server) write(c *conn) error {
	n, err := unix.Write(c.fd, c.pending)
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		return s.drop(c)
	}
	s.echoed += max(n, 0)
	c.pending = c.pending[max(n, 0):]
	if len(c.pending) > 0 {
		return s.set.Change(c.fd, bridge.Writable)
	}
	return s.set.Change(c.fd, bridge.Readable)
}

// drop removes a socket from the Set and closes it.
func (s *server) drop(c *conn) error {
	err := s.set.Remove(c.fd)
	unix.Close(c.fd)
	return err
}
