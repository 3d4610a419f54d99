//go:build !linux || !cgo

package main

import "fmt"

func main() {
	fmt.Println("left out: this example has a C library in it, and needs Linux and cgo")
}
