//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// errServed is the cause of the server's end if nothing failed.
var errServed = errors.New("all clients have been served")

// talk runs the clients. They are ordinary Go code, with a goroutine each.
func talk(port int) error {
	var all sync.WaitGroup
	failures := make(chan error, clients)
	for i := range clients {
		all.Go(func() {
			if err := client(port, i); err != nil {
				failures <- fmt.Errorf("client %d: %w", i, err)
			}
		})
	}
	all.Wait()
	failures <- errServed
	return <-failures
}

// client sends three messages and reads each while it is still being sent. The last message of
// some clients is larger than the sockets' buffers.
func client(port, i int) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer conn.Close()
	last := 1000
	if i%100 == 0 {
		last = 4_000_000
	}
	for _, size := range []int{1, 100, last} {
		sent := bytes.Repeat([]byte{byte(i), byte(size)}, size)
		failed := make(chan error, 1)
		go func() {
			_, err := conn.Write(sent)
			failed <- err
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil {
			return err
		}
		if err := <-failed; err != nil {
			return err
		}
		if !bytes.Equal(got, sent) {
			return fmt.Errorf("%d bytes came back changed", size)
		}
	}
	return nil
}
