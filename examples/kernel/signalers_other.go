//go:build !linux

package main

import (
	"context"
	"errors"
)

// Other systems have no eventfds, so the only entry returns that error.
var signalers = []signaler{{name: "eventfd", run: func(context.Context, int) (tally, error) {
	return tally{}, errors.New("eventfd(2) is Linux only")
}}}
