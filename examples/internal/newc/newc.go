// Package newc writes archives in cpio's "newc" format, which the Linux kernel unpacks as its
// initramfs: the file system in memory from which it starts, before any disk
// (Documentation/driver-api/early-userspace).
//
// The format has for each file a header of 110 characters, its name and its contents, each padded
// to four bytes. Writing it is easier than calling cpio(1), and nothing needs to be installed or
// owned by root.
package newc

import (
	"fmt"
	"io"
	"io/fs"
)

// Mode bits of a file's kind, as in stat(2).
const (
	regular   = 0o100000
	directory = 0o040000
)

// A Writer writes one archive. After an error, all later calls return that error, so checking that
// of Close is enough.
type Writer struct {
	w     io.Writer
	files int
	err   error
}

// NewWriter returns a Writer that writes to w. The archive is complete after Close.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Dir adds a directory. The kernel does not create parent directories, so add those first.
func (w *Writer) Dir(name string) error { return w.entry(name, directory|0o755, nil) }

// File adds a regular file, owned by root.
func (w *Writer) File(name string, perm fs.FileMode, data []byte) error {
	return w.entry(name, regular|uint32(perm.Perm()), data)
}

// Close ends the archive. It does not close the underlying writer.
func (w *Writer) Close() error { return w.entry("TRAILER!!!", 0, nil) }

func (w *Writer) entry(name string, mode uint32, data []byte) error {
	w.files++
	header := []any{w.files, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0}
	w.print("070701")
	for _, field := range header {
		w.print("%08X", field)
	}
	w.print("%s\x00", name)
	w.pad(6 + 8*len(header) + len(name) + 1)
	w.print("%s", data)
	w.pad(len(data))
	return w.err
}

func (w *Writer) pad(length int) { w.print("%s", "\x00\x00\x00"[:-length&3]) }

func (w *Writer) print(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.w, format, args...)
	}
}
