package rawefd_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/rawefd"
)

// These tests are about systems that differ from this one, and about descriptors in rare states.

// unknownFlag is the flag with which Take finds out whether the flags of preadv2 are ignored.
const unknownFlag = 1 << 30

func setHook(t *testing.T, h rawefd.Hook) {
	t.Helper()
	t.Cleanup(rawefd.SetHook(h))
}

// blockingTwin adopts a blocking eventfd.
func blockingTwin(t *testing.T) *rawefd.FD {
	t.Helper()
	f := mustNew(t, 0, false)
	if err := unix.SetNonblock(f.Number(), false); err != nil {
		t.Fatal(err)
	}
	return adoptDup(t, f)
}

// Without a read that never blocks, Take polls first, and nothing is lost.
func TestTakeWhereRWFNOWAITIsRefused(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS, unix.EOPNOTSUPP} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v late %v", errno, late), func(t *testing.T) {
				var refuses atomic.Bool
				setHook(t, func(c rawefd.Call) syscall.Errno {
					if c.Name == "preadv2" && refuses.Load() {
						return errno
					}
					return 0
				})
				refuses.Store(!late)
				f := mustNew(t, 0, false)
				wantTake(t, f, 0)
				refuses.Store(true) // a seccomp filter can be installed at any time
				for _, count := range []uint64{1, 0, 7, rawefd.MaxCount} {
					if err := f.Add(max(count, 1)); err != nil {
						t.Fatal(err)
					}
					wantTake(t, f, max(count, 1))
					wantTake(t, f, 0)
				}
			})
		}
	}
}

// If the system ignores the flags of preadv2, as gVisor does, Take does not use that call.
func TestTakeWhereRWFNOWAITIsIgnored(t *testing.T) {
	f := blockingTwin(t)
	setHook(t, func(c rawefd.Call) syscall.Errno {
		switch {
		case c.Name != "preadv2":
			return 0
		case c.Num == f.Number():
			t.Errorf("preadv2 with flags %#x on a descriptor that blocks", c.Arg)
			return unix.EIO
		}
		return unix.EAGAIN // with any flag, because askNowait's eventfd is empty
	})
	wantTake(t, f, 0)
	if err := f.Add(6); err != nil {
		t.Fatal(err)
	}
	wantTake(t, f, 6)
	wantTake(t, f, 0)
}

// The system is asked only once, with a flag that no kernel knows.
func TestRWFNOWAITIsAskedForOnce(t *testing.T) {
	var asked atomic.Int32
	setHook(t, func(c rawefd.Call) syscall.Errno {
		if c.Name == "preadv2" && c.Arg == unknownFlag {
			asked.Add(1)
		}
		return 0
	})
	for range 3 {
		wantTake(t, mustNew(t, 5, false), 5)
	}
	if got := asked.Load(); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
}

// An Add that blocks, because another process has filled the counter between the
// poll and the write, delays only calls for that descriptor.
func TestDescriptorsShareNoLock(t *testing.T) {
	for _, polled := range []bool{false, true} {
		stuck, free := blockingTwin(t), blockingTwin(t)
		inWrite, leave := make(chan int), make(chan int)
		restore := rawefd.SetHook(func(c rawefd.Call) syscall.Errno {
			switch {
			case c.Name == "preadv2" && polled:
				return unix.ENOSYS
			case c.Name == "write" && c.Num == stuck.Number():
				inWrite <- 1
				<-leave
			}
			return 0
		})
		done := make(chan error)
		go func() { done <- stuck.Add(1) }()
		<-inWrite
		other := make(chan error, 1)
		go func() {
			err := free.Add(2)
			if err == nil {
				err = free.AddIfWritable(3)
			}
			if got, takeErr := free.Take(); err == nil && (got != 5 || takeErr != nil) {
				err = fmt.Errorf("Take = %d, %v; want 5", got, takeErr)
			}
			other <- err
		}()
		select {
		case err := <-other:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("an Add to one descriptor blocks calls for another")
		}
		close(leave)
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantTake(t, stuck, 1)
		restore()
	}
}

// Adopt finds the lines of the eventfd in fdinfo even after many lines for record locks. All
// eventfds share one inode, so several can have only read locks.
func TestAdoptWithLongFdinfo(t *testing.T) {
	f := mustNew(t, 3, false)
	for i := range int64(40) {
		lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: 0, Start: 2 * i, Len: 1}
		if err := unix.FcntlFlock(uintptr(f.Number()), unix.F_OFD_SETLK, &lock); err != nil {
			t.Skipf("an eventfd cannot be locked here: %v", err)
		}
	}
	info, err := os.ReadFile(fmt.Sprintf("/proc/thread-self/fdinfo/%d", f.Number()))
	if err != nil || len(info) < 1024 {
		t.Skipf("locks do not make fdinfo long here: %d bytes, %v", len(info), err)
	}
	g := adoptDup(t, f)
	wantCount(t, g, 3)
	if _, err := rawefd.Adopt(f.Number(), true); err == nil {
		t.Error("Adopt took an eventfd in counting mode for one in semaphore mode")
	}
}

// Adopt refuses a number that has an owner, because two owners would each close it.
func TestAdoptRefusesAnOwnedNumber(t *testing.T) {
	wantExist := func(what string, num int) {
		t.Helper()
		f, err := rawefd.Adopt(num, false)
		if f != nil || !errors.Is(err, os.ErrExist) {
			t.Errorf("Adopt of %s = %v, %v; want an error matching os.ErrExist", what, f, err)
		}
	}
	made := mustNew(t, 0, false)
	wantExist("the number of an FD that was created", made.Number())
	adopted := adoptDup(t, made)
	num := adopted.Number()
	wantExist("a number that was adopted", num)
	door, err := rawefd.NewDoorbell()
	if err != nil {
		t.Fatal(err)
	}
	bell := door.Number()
	if name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", bell)); err == nil && strings.HasSuffix(name, "[eventfd]") {
		wantExist("the doorbell", bell)
	} // otherwise it is a pipe, because of the tag eventchan_pipe
	wantAgain := func(what string, num int) {
		t.Helper()
		if err := unix.Dup3(made.Number(), num, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		f, err := rawefd.Adopt(num, false)
		if err != nil {
			t.Errorf("Adopt of %s = %v after Close", what, err)
			unix.Close(num)
			return
		}
		f.Close(nothing)
	}
	adopted.Close(nothing)
	wantAgain("a number that was adopted", num)
	door.Close()
	wantAgain("the doorbell's number", bell)
}
