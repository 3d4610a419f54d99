//go:build !linux

package rawefd

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// HasEventfd reports whether an FD can be made on this system.
const HasEventfd = false

var (
	errUnsupported = fmt.Errorf("eventfd on %s: %w", runtime.GOOS, errors.ErrUnsupported)
	errNoEpoll     = fmt.Errorf("epoll on %s: %w", runtime.GOOS, errors.ErrUnsupported)
)

const (
	BatchSize    = 1
	EventIn      = 1
	EventPri     = 2
	EventEdge    = 1 << 31
	EventOneShot = 1 << 30
	EventUnasked = 8 | 16
)

// Event, Epoll, Batch and RawEvent exist so that the packages that import this one compile.
type (
	Event struct {
		Bits uint32
		ID   uint64
	}
	Epoll    int
	Batch    struct{}
	RawEvent struct{}
)

func (ev *RawEvent) Bits() uint32 { return 0 }
func (ev *RawEvent) ID() uint64   { return 0 }

func New(count uint64, semaphore bool) (*FD, error)          { return nil, errUnsupported }
func Adopt(num int, semaphore bool) (*FD, error)             { return nil, errUnsupported }
func FromProcess(pid, num int, semaphore bool) (*FD, error)  { return nil, errUnsupported }
func (f *FD) TryAdd(delta *uint64) uintptr                   { return 1 }
func (f *FD) Add(delta uint64) error                         { return errUnsupported }
func (f *FD) Blocking() bool                                 { return false }
func (f *FD) AddIfWritable(delta uint64) error               { return errUnsupported }
func (f *FD) Take() (uint64, error)                          { return 0, errUnsupported }
func (f *FD) Count() (uint64, error)                         { return 0, errUnsupported }
func (f *FD) endBlocked()                                    {}
func (f *FD) Taken() uint64                                  { return 0 }
func (f *FD) Dup() (*os.File, error)                         { return nil, errUnsupported }
func CloseNumber(num int)                                    {}
func Nap(d time.Duration)                                    { time.Sleep(d) }
func Pulses(num int) (bool, error)                           { return false, errNoEpoll }
func Poll(num int, bits uint32) (uint32, error)              { return 0, errNoEpoll }
func CheckOpen(num int) error                                { return errNoEpoll }
func CheckNested(num int) error                              { return errNoEpoll }
func NestedEdges() bool                                      { return false }
func NewEpoll() (Epoll, error)                               { return -1, errNoEpoll }
func (e Epoll) Add(num int, bits uint32, id uint64) error    { return errNoEpoll }
func (e Epoll) Modify(num int, bits uint32, id uint64) error { return errNoEpoll }
func (e Epoll) Delete(num int) error                         { return errNoEpoll }
func (e Epoll) Numbers() (map[int]bool, error)               { return nil, errNoEpoll }
func (e Epoll) Wait(b *Batch) ([]Event, error)               { return nil, errNoEpoll }
func (e Epoll) Fetch(events []RawEvent) (int, error)         { return 0, errNoEpoll }
func (e Epoll) File() (*os.File, error)                      { return nil, errNoEpoll }
func (e Epoll) Close()                                       {}
