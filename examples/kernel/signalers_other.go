//go:build !linux

package main

import (
	"context"

	"github.com/eventchan/eventchan/notify"
)

// Off Linux there is no eventfd, so the only entry reports that.
var signalers = []signaler{{name: "eventfd", run: func(context.Context, int) (tally, error) {
	_, err := notify.New()
	return tally{}, err
}}}
