//go:build linux

package tests

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/bridge"
	"github.com/eventchan/eventchan/internal/rawefd"
)

// A Watcher or a Set would never report a perf event, so both refuse it. An os.File reports it.
func TestPerfEventIsRefused(t *testing.T) {
	fd := pageFaults(t)
	_, err := bridge.Watch(fd, bridge.Readable)
	wantError(t, "Watch of a perf event", err, bridge.ErrNotPollable)
	for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM} { // before Linux 4.11, in a sandbox
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			if c.Name == "statx" {
				return errno
			}
			return 0
		})
		_, err := bridge.Watch(fd, bridge.Readable)
		wantError(t, "Watch of a perf event without statx", err, bridge.ErrNotPollable)
		restore()
	}
	set, err := bridge.NewSet[int]()
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	wantError(t, "Set.Add of a perf event", set.Add(fd, bridge.Readable, 1), bridge.ErrNotPollable)

	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "perf event") // owns fd from now on
	defer file.Close()
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	file.SetReadDeadline(time.Now().Add(limit))
	calls := 0
	err = conn.Read(func(uintptr) (done bool) {
		if calls++; calls == 1 {
			faultPage(t)
		}
		return calls == 2
	})
	if err != nil {
		t.Errorf("Read of the os.File: %v", err)
	}
}

// pageFaults returns a perf event that each page fault of the calling thread makes ready. The
// goroutine stays on the thread.
func pageFaults(t *testing.T) (fd int) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	attr := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_SOFTWARE,
		Config: unix.PERF_COUNT_SW_PAGE_FAULTS,
		Sample: 1,
		Wakeup: 1,
		Bits:   unix.PerfBitExcludeKernel,
	}
	attr.Size = uint32(unsafe.Sizeof(attr))
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		lacks(t, "perf_event_open(2): %v", err)
	}
	ring, err := unix.Mmap(fd, 0, 2*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(ring) })
	return fd
}

// faultPage makes a page fault.
func faultPage(t *testing.T) {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	page[0] = 1
	if err := unix.Munmap(page); err != nil {
		t.Fatal(err)
	}
}
