//go:build !(linux && amd64)

package main

import (
	"errors"

	"github.com/eventchan/eventchan/examples/internal/check"
)

func available() error { return errors.New("this example is for Linux on amd64") }

func allChecks() []check.Check { return nil }
