//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "watch: eventfd(2) is Linux only")
	os.Exit(1)
}
