//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/eventchan/eventchan/notify"
	"github.com/eventchan/eventchan/semaphore"
)

// A child is this program once more, in a process of its own.
type child struct {
	*source
	permits *source
	process *exec.Cmd
}

// startChild starts the child with three more descriptors than usual: its numbers 3,
// 4 and 5.
func startChild(signals, permission *notify.Notifier, permits *semaphore.Semaphore) *child {
	c := &child{process: exec.Command(must(os.Executable()), "child")}
	c.process.Stderr = os.Stderr
	c.process.ExtraFiles = []*os.File{must(signals.File()), must(permission.File()), must(permits.File())}
	check(c.process.Start())
	for _, duplicate := range c.process.ExtraFiles {
		duplicate.Close() // the child has its own now
	}
	c.source = newSource("process", 5,
		"a child, pid %d, inherited descriptor %d and adds 5 to it", c.process.Process.Pid, signals.FD())
	c.permits = newSource("permits", 2,
		"two, shared with the child: it takes both first, and gives them back later")
	return c
}

// beChild is what the child does. It could be written in any language.
func beChild() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	signals := must(notify.FromFD(3))
	permission := must(notify.FromFD(4))
	permits := must(semaphore.FromFD(5))

	check(permits.Acquire(ctx, 2))
	check(signals.Add(5))
	must(permission.Wait(ctx))
	permits.Release(2)
}

// join waits until the child has ended.
func (c *child) join() {
	c.expect(c.process.Wait() == nil, "the child failed")
}
