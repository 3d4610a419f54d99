//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/semaphore"
)

// work does this process's share of the work, and holds a permit for each piece. If a process
// dies while it holds a permit, that permit is lost: the kernel's counter does not
// know which process holds permits.
func work(permits *semaphore.Semaphore, b *board) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range pieces {
				if err := permits.Acquire(ctx, 1); err != nil {
					log.Fatal(err)
				}
				b.enter()
				sha256.Sum256(make([]byte, 8<<10))
				b.leave()
				permits.Release(1)
			}
		})
	}
	group.Wait()
}

// A board is memory that all three processes share, to check that the semaphore works.
type board struct {
	holders, most, done atomic.Int64
}

func (b *board) enter() {
	now := b.holders.Add(1)
	for most := b.most.Load(); now > most && !b.most.CompareAndSwap(most, now); {
		most = b.most.Load()
	}
}

func (b *board) leave() {
	b.holders.Add(-1)
	b.done.Add(1)
}

// newBoard returns a file that is only memory.
func newBoard() *os.File {
	fd, err := unix.MemfdCreate("board", unix.MFD_CLOEXEC)
	if err != nil {
		log.Fatal(os.NewSyscallError("memfd_create", err))
	}
	if err := unix.Ftruncate(fd, int64(os.Getpagesize())); err != nil {
		log.Fatal(os.NewSyscallError("ftruncate", err))
	}
	return os.NewFile(uintptr(fd), "board")
}

func mapBoard(file *os.File) *board {
	page, err := unix.Mmap(int(file.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		log.Fatal(os.NewSyscallError("mmap", err))
	}
	return (*board)(unsafe.Pointer(unsafe.SliceData(page)))
}
