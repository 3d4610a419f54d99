//go:build !cgo || !unix || mips || mipsle || (arm && !arm.7)

package chandle

import (
	"unsafe"
)

// Thread exists so that tests compile: there are no C threads here.
type Thread struct{}

func Add(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddInterrupted(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddEach(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddEachInterrupted(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return nil, ErrUnavailable
}
func AddCanceled(handle unsafe.Pointer, n uint64) (*Thread, error) { return nil, ErrUnavailable }
func AddTogether(handle unsafe.Pointer, n uint64, k int) (Answers, error) {
	return Answers{}, ErrUnavailable
}
func Call(function, data unsafe.Pointer, times int) (*Thread, error) { return nil, ErrUnavailable }
func (t *Thread) Join() (Answers, error)                             { return Answers{}, ErrUnavailable }

// Paused exists so that tests compile.
type Paused struct{}

func AddPaused(handle unsafe.Pointer, there Stop) (*Paused, error) { return nil, ErrUnavailable }
func (p *Paused) GoOn(there Stop) error                            { return ErrUnavailable }
func (p *Paused) Finish() int                                      { return -1 }

// Sender exists so that tests compile.
type Sender struct{}

func Send(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return nil, ErrUnavailable
}
func Reserve(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return nil, ErrUnavailable
}
func SendInterrupted(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return nil, ErrUnavailable
}
func ReserveInterrupted(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return nil, ErrUnavailable
}
func SendWithin(queue unsafe.Pointer, most, times int) (*Sender, error) { return nil, ErrUnavailable }
func (s *Sender) Received()                                             {}
func (s *Sender) Join() (sent, inside uint64, err error)                { return 0, 0, ErrUnavailable }
