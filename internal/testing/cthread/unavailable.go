//go:build !cgo || !linux

package cthread

// Thread exists so that tests compile: there are no C threads here.
type Thread struct{}

func Signal(fd, n int) (*Thread, error)                         { return nil, ErrUnavailable }
func Take(fd, n int) (*Thread, error)                           { return nil, ErrUnavailable }
func Hold(fd, n int, held *int64, limit int64) (*Thread, error) { return nil, ErrUnavailable }
func (t *Thread) Join() (sum uint64, err error)                 { return 0, ErrUnavailable }
