//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func create(folder string, names []string) {
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			log.Fatal(err)
		}
	}
}

// created reads until there is no more, because there is an edge only for new events and not for
// those that were not read.
func created(inotify int) (names []string) {
	var buf [4096]byte
	for n, err := unix.Read(inotify, buf[:]); err == nil && n > 0; n, err = unix.Read(inotify, buf[:]) {
		for rest := buf[:n]; len(rest) > 0; {
			size := unix.SizeofInotifyEvent + binary.NativeEndian.Uint32(rest[12:])
			names = append(names, string(bytes.TrimRight(rest[unix.SizeofInotifyEvent:size], "\x00")))
			rest = rest[size:]
		}
	}
	return names
}
