//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: eventfd(2) needs Linux")
	os.Exit(1)
}
