//go:build linux

package main

import (
	"errors"
	"os"
	"unsafe"

	"github.com/eventchan/eventchan/bench/internal/cpeer"
	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// A mode is where an object's count is, and therefore what can add to it. It is
// behind the comma in the name of a row.
type mode string

const (
	private mode = "private" // in Go's memory: goroutines
	viaFD   mode = "FD"      // in an eventfd: all holders, by write(2)
	handle  mode = "handle"  // in memory that C threads know of
)

var modes = []mode{private, handle, viaFD}

// of names a row.
func (m mode) of(what string) string { return what + ", " + string(m) }

// inModes makes a contestant for each mode.
func inModes(what string, round func(mode) func(int) (measurement, error)) (rows []contestant) {
	for _, m := range modes {
		rows = append(rows, contestant{m.of(what), round(m)})
	}
	return rows
}

// enter brings an object into the mode and returns how C threads signal it.
func (m mode) enter(object interface {
	FD() int
	File() (*os.File, error)
	Handle() unsafe.Pointer
}) (cpeer.Line, error) {
	switch m {
	case viaFD:
		if fd := object.FD(); fd >= 0 {
			return cpeer.Write(fd), nil
		}
		_, err := object.File() // returns the reason
		return cpeer.Line{}, err
	case handle:
		h := object.Handle()
		if h == nil {
			return cpeer.Line{}, errors.New("no handle")
		}
		return cpeer.Line{Handle: h}, nil
	}
	return cpeer.Line{}, nil
}

// notifier makes a Notifier.
func (m mode) notifier() (*notify.Notifier, cpeer.Line, error) {
	n, err := notify.New()
	if err != nil {
		return nil, cpeer.Line{}, err
	}
	line, err := m.enter(n)
	if err != nil {
		n.Close()
	}
	return n, line, err
}

// semaphore makes a Semaphore.
func (m mode) semaphore(permits int64) (*semaphore.Semaphore, error) {
	s, err := semaphore.New(permits)
	if err != nil {
		return nil, err
	}
	if _, err = m.enter(s); err != nil {
		s.Close()
	}
	return s, err
}
