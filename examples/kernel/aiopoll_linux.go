package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/notify"
)

// pipes is how many pipes are polled together.
const pipes = 8

// A pipePoller makes the kernel watch pipes, with one eventfd for all of them.
type pipePoller struct {
	aio     aioContext
	signals *notify.Notifier
	pipes   [pipes][2]int // the ends to read from and to write to
	events  [pipes]ioEvent
}

// aioPolls waits n times until a pipe is readable, by the poll command of Linux
// AIO, which came with Linux 4.19. It needs no thread and no epoll instance, only a
// request that completes when the descriptor is ready, and then adds exactly 1
// to the Notifier. Package bridge does more for a descriptor of one's own
// process; this is for an eventfd for which other processes wait as well.
//
// A poll request has no buffer, so there is nothing to pin.
func aioPolls(ctx context.Context, n int) (t tally, err error) {
	signals, err := notify.New()
	if err != nil {
		return t, err
	}
	defer signals.Close()
	aio, err := newAIOContext(pipes)
	if err != nil {
		return t, err
	}
	p := &pipePoller{aio: aio, signals: signals}
	defer p.closePipes()
	defer aio.destroy()
	if err := p.openPipes(); err != nil {
		return t, err
	}
	for t.completions < n {
		batch := min(pipes, n-t.completions)
		if err := p.submit(batch); err != nil {
			return t, err
		}
		// Each of these writes makes the kernel signal the eventfd.
		for _, pipe := range p.pipes[:batch] {
			if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
				return t, os.NewSyscallError("write", err)
			}
		}
		if err := p.wait(ctx, batch, &t); err != nil {
			return t, err
		}
	}
	return t, nil
}

// submit asks for a signal when each of the first batch pipes is readable. A request
// completes only once and must be submitted again for another signal.
func (p *pipePoller) submit(batch int) error {
	requests := make([]*iocb, batch)
	for i := range requests {
		requests[i] = &iocb{
			data:   uint64(i),
			opcode: iocbCmdPoll,
			fildes: uint32(p.pipes[i][0]),
			buf:    unix.POLLIN,
			flags:  iocbFlagResfd,
			resfd:  uint32(p.signals.FD()),
		}
	}
	err := p.aio.submit(requests)
	if errors.Is(err, unix.EINVAL) {
		return refusal("io_submit", unix.EINVAL, "no IOCB_CMD_POLL before Linux 4.19")
	}
	return err
}

// wait waits until the given number of pipes were ready.
func (p *pipePoller) wait(ctx context.Context, polls int, t *tally) error {
	for polls > 0 {
		select {
		case count := <-p.signals.C():
			t.receives++
			t.signals += count
			events, err := p.aio.take(p.events[:polls], count)
			if err != nil {
				return err
			}
			for _, ev := range events {
				if err := p.read(ev); err != nil {
					return err
				}
			}
			t.completions += len(events)
			polls -= len(events)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// read takes the byte from the pipe that is readable according to the event. The pipes are
// non-blocking, so a wrong event, or the same event twice, is an error.
func (p *pipePoller) read(ev ioEvent) error {
	if ev.data >= pipes || ev.res&unix.POLLIN == 0 {
		return fmt.Errorf("poll of pipe %d has result %#x", ev.data, ev.res)
	}
	var buffer [2]byte
	if n, err := unix.Read(p.pipes[ev.data][0], buffer[:]); n != 1 || err != nil {
		return fmt.Errorf("pipe %d should have 1 byte, read returned %d, %v", ev.data, n, err)
	}
	return nil
}

func (p *pipePoller) openPipes() error {
	for i := range p.pipes {
		if err := unix.Pipe2(p.pipes[i][:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			return os.NewSyscallError("pipe2", err)
		}
	}
	return nil
}

func (p *pipePoller) closePipes() {
	for _, pipe := range p.pipes {
		if pipe != [2]int{} {
			unix.Close(pipe[0])
			unix.Close(pipe[1])
		}
	}
}
