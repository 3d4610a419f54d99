//go:build !linux

package main

import "os"

func main() {
	os.Stderr.WriteString("guest: it checks a module of Linux\n")
	os.Exit(1)
}
