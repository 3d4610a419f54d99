//go:build !linux

package main

import "os"

func main() {
	os.Stderr.WriteString("init: it is the first program of a Linux kernel\n")
	os.Exit(1)
}
