//go:build !cgo || !linux

package cpeer

// A Thread is a C thread that was started and not joined yet.
type Thread struct{}

func (t *Thread) Join() ([]int64, error)                          { return nil, ErrUnavailable }
func SetCallee(f func())                                          {}
func Ping(out, in, warm, n int) (*Thread, error)                  { return nil, ErrUnavailable }
func Flood(out, n int) (*Thread, error)                           { return nil, ErrUnavailable }
func Sweep(fds []int, gate, times int) (*Thread, error)           { return nil, ErrUnavailable }
func OverEpoll(warm, n int) ([]int64, error)                      { return nil, ErrUnavailable }
func ReadAndEpoll(warm, n int) ([]int64, error)                   { return nil, ErrUnavailable }
func OverCondition(warm, n int) ([]int64, error)                  { return nil, ErrUnavailable }
func FloodCondition(signallers, n int) (sum, ns int64, err error) { return 0, 0, ErrUnavailable }
func Pairs(fd, n int) (ns int64, err error)                       { return 0, ErrUnavailable }
