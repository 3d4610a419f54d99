//go:build linux

package main

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"

	"github.com/eventchan/eventchan/notify"
)

//go:embed child.py
var program string

// start starts child.py, which inherits the Notifiers as its descriptors 3 and
// 4. The result of its Wait is sent to ended.
func start(ctx context.Context, three, four *notify.Notifier) (ended <-chan error, err error) {
	python := exec.CommandContext(ctx, "python3", "-c", program)
	python.Stdout, python.Stderr = os.Stdout, os.Stderr
	for _, n := range []*notify.Notifier{three, four} {
		file, err := n.File()
		if err != nil {
			return nil, err
		}
		defer file.Close()
		python.ExtraFiles = append(python.ExtraFiles, file)
	}
	if err := python.Start(); err != nil {
		return nil, err
	}
	c := make(chan error, 1)
	go func() { c <- python.Wait() }()
	return c, nil
}

// tooOld reports whether err has the exit status for a Python without os.eventfd_write.
func tooOld(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.ExitCode() == 77
}
