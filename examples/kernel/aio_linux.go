package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/eventchan/eventchan/notify"
)

const (
	depth      = 64  // how many reads are in flight together
	blockSize  = 512 // bytes of a read
	fileBlocks = 97  // no common divisor with depth, so that a slot reads another block each time
)

// A reader reads blocks of a file by Linux AIO. It has a slot for each read in flight.
type reader struct {
	aio      aioContext
	signals  *notify.Notifier
	file     *os.File
	requests [depth]iocb
	events   [depth]ioEvent
	buffers  [depth][blockSize]byte // the kernel writes to them while no call is running
}

// aioReads reads n blocks. Each completed read adds exactly 1 to the
// Notifier, so a received count says how many events to take.
//
// The reads use the page cache, which has the file, so they are complete when
// io_submit returns. With O_DIRECT each would be complete when the disk has answered, and
// the signal would come from the disk's interrupt; this code would be the same.
func aioReads(ctx context.Context, n int) (t tally, err error) {
	signals, err := notify.New()
	if err != nil {
		return t, err
	}
	defer signals.Close()
	file, err := blocksFile()
	if err != nil {
		return t, err
	}
	defer file.Close()
	aio, err := newAIOContext(depth)
	if err != nil {
		return t, err
	}
	r := &reader{aio: aio, signals: signals, file: file}

	// For the kernel a buffer is an address, which is a number that the garbage
	// collector does not see. It could free the buffer; and if r were on a
	// goroutine's stack, r could move. Pin keeps r alive and in its place.
	// Unpin is deferred first and therefore runs last, because the kernel uses the buffers
	// until destroy.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pinner.Pin(r)
	defer aio.destroy()

	for t.completions < n {
		batch := min(depth, n-t.completions)
		if err := r.submit(t.completions, batch); err != nil {
			return t, err
		}
		if err := r.wait(ctx, batch, &t); err != nil {
			return t, err
		}
	}
	return t, nil
}

// submit starts a batch of reads, which are numbered from first on.
func (r *reader) submit(first, batch int) error {
	requests := make([]*iocb, batch)
	for i := range requests {
		number := first + i
		requests[i] = &r.requests[i]
		r.requests[i] = iocb{
			data:   uint64(number),
			opcode: iocbCmdPread,
			fildes: uint32(r.file.Fd()),
			buf:    uint64(uintptr(unsafe.Pointer(&r.buffers[number%depth]))),
			nbytes: blockSize,
			offset: int64(number%fileBlocks) * blockSize,
			flags:  iocbFlagResfd,
			resfd:  uint32(r.signals.FD()),
		}
	}
	return r.aio.submit(requests)
}

// wait waits until the given number of reads is complete.
func (r *reader) wait(ctx context.Context, reads int, t *tally) error {
	for reads > 0 {
		select {
		case count := <-r.signals.C():
			t.receives++
			t.signals += count
			events, err := r.aio.take(r.events[:reads], count)
			if err != nil {
				return err
			}
			for _, ev := range events {
				if err := r.check(ev); err != nil {
					return err
				}
			}
			t.completions += len(events)
			reads -= len(events)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// check checks the data of a read, and clears it, so that it cannot pass again.
func (r *reader) check(ev ioEvent) error {
	buffer := r.buffers[ev.data%depth][:]
	if want := block(int(ev.data % fileBlocks)); ev.res != blockSize || !bytes.Equal(buffer, want) {
		return fmt.Errorf("read %d has result %d and begins % x, want %d and % x",
			ev.data, ev.res, buffer[:4], blockSize, want[:4])
	}
	clear(buffer)
	return nil
}

// block returns the content of a block of the file: bytes other than 0.
func block(i int) []byte {
	return bytes.Repeat([]byte{byte(i + 1)}, blockSize)
}

// blocksFile returns a file without a name, which is deleted when it is closed.
func blocksFile() (*os.File, error) {
	file, err := os.CreateTemp("", "eventchan-kernel-")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name())
	for i := range fileBlocks {
		if _, err := file.Write(block(i)); err != nil {
			file.Close()
			return nil, err
		}
	}
	return file, nil
}
