//go:build linux && !cgo

package main

type cThread struct{ *source }

func startThread(int) cThread {
	return cThread{leftOut("C thread", "this program was built without cgo")}
}

func (cThread) join() {}
