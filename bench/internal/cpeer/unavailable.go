//go:build !cgo || !linux

package cpeer

import (
	"time"
	"unsafe"
)

// A Thread is a C thread that was started and not joined yet.
type Thread struct{}

func (t *Thread) Join() ([]int64, error)                          { return nil, ErrUnavailable }
func (t *Thread) Busy() int64                                     { return 0 }
func SetCallee(f func())                                          {}
func Ping(out Line, in, warm, n int) (*Thread, error)             { return nil, ErrUnavailable }
func Flood(out Line, n int) (*Thread, error)                      { return nil, ErrUnavailable }
func Paced(out Line, gap int64, n int) (*Thread, error)           { return nil, ErrUnavailable }
func StartSweep(lines []Line, threads, times int) (*Sweep, error) { return nil, ErrUnavailable }
func FanIn(fds []int, threads, times int) (uint64, int64, error)  { return 0, 0, ErrUnavailable }
func OverEpoll(warm, n int) ([]int64, error)                      { return nil, ErrUnavailable }
func ReadAndEpoll(warm, n int) ([]int64, error)                   { return nil, ErrUnavailable }
func OverCondition(warm, n int) ([]int64, error)                  { return nil, ErrUnavailable }
func FloodCondition(signalers, n int) (sum, ns int64, err error)  { return 0, 0, ErrUnavailable }
func FloodEpoll(signalers, n int) (sum, ns int64, err error)      { return 0, 0, ErrUnavailable }
func Adds(out Line, n int) (ns int64, err error)                  { return 0, ErrUnavailable }
func Pairs(fd, n int) (ns int64, err error)                       { return 0, ErrUnavailable }
func Opens(n int) (ns int64, err error)                           { return 0, ErrUnavailable }

// A Sweep is C threads that signal through many lines.
type Sweep struct{}

func (s *Sweep) Next()       {}
func (s *Sweep) Join() error { return ErrUnavailable }

func (t *Thread) Tally() (accepted, late uint64) { return 0, 0 }

// A Board is where threads find the handles that they signal through.
type Board struct{}

func NewBoard(n int) *Board                           { return nil }
func (b *Board) Put(place int, handle unsafe.Pointer) {}
func (b *Board) Signal(seed int) (*Thread, error)     { return nil, ErrUnavailable }
func (b *Board) Stop()                                {}
func (b *Board) Free()                                {}

func (t *Thread) Refused() uint64                          { return 0 }
func (t *Thread) Squares() uint64                          { return 0 }
func (b *Board) Send(id int, sizes []int) (*Thread, error) { return nil, ErrUnavailable }

// An Array is an array in C, which a mutex protects.
type Array struct{}

func NewArray(capacity, size int, handle unsafe.Pointer) *Array { return nil }
func (a *Array) Take() (unsafe.Pointer, int)                    { return nil, 0 }
func (a *Array) Free()                                          {}

// A Sender is a C thread that sends values.
type Sender struct{}

func SetValueCallee(f func(value unsafe.Pointer))              {}
func SendValues(r Route, id, size, n int) (*Sender, error)     { return nil, ErrUnavailable }
func SendBursts(r Route, size, n, bursts int) (*Sender, error) { return nil, ErrUnavailable }
func (s *Sender) Burst() error                                 { return ErrUnavailable }
func (s *Sender) Join() (busy int64, err error)                { return 0, ErrUnavailable }

// A Periodic is a C thread that calls back once per period.
type Periodic struct{}

func StartPeriodic(handle unsafe.Pointer, r Route, fifo bool, period time.Duration, periods int) (*Periodic, error) {
	return nil, ErrUnavailable
}

func (p *Periodic) Join() (ns []int64, missed int, err error) { return nil, 0, ErrUnavailable }
