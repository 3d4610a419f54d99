//go:build !linux

package main

import (
	"context"

	"github.com/eventchan/eventchan/notify"
)

// Where there is no Linux there is no eventfd: New says so.
var signallers = []signaller{{name: "eventfd", run: func(context.Context, int) (tally, error) {
	_, err := notify.New()
	return tally{}, err
}}}
