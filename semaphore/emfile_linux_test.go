package semaphore_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventchan/eventchan/internal/testing/mode"
	"github.com/eventchan/eventchan/semaphore"
)

// emfileKey makes a process of this test binary run one of emfileRoles instead of the
// tests, before anything has started the runtime's poller.
const emfileKey = "EVENTCHAN_TEST_EMFILE"

var emfileRoles = map[string]func() error{
	"C":       reserveWithoutDescriptors,
	"export":  exportWithoutDescriptors,
	"late":    serveLateWithoutDescriptors,
	"order":   keepOrderWithoutDescriptors,
	"Acquire": acquireManyWithoutDescriptors,
}

func init() {
	role := os.Getenv(emfileKey)
	if role == "" {
		return
	}
	if err := emfileRoles[role](); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// If neither the package's poller nor the runtime's can be opened, the process keeps running, and
// everything works that does not need a poller.
func TestWithoutDescriptorsBeforeTheRuntimeHasPolled(t *testing.T) {
	if !mode.First() {
		return
	}
	for role := range emfileRoles {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			child := exec.Command("/proc/self/exe")
			child.Env = append(os.Environ(), emfileKey+"="+role)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%.4000s", err, out)
			}
		})
	}
}

// fillUp leaves no descriptor free, or a few, until the function that it returns is called.
func fillUp(few int) (free func(), err error) {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}); err != nil {
		return nil, err
	}
	var filler []int
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		filler = append(filler, fd)
	}
	for ; few > 0; few-- {
		unix.Close(filler[0])
		filler = filler[1:]
	}
	return func() {
		for _, fd := range filler {
			unix.Close(fd)
		}
	}, nil
}

// nap sleeps without a Go timer.
func nap(d time.Duration) {
	wait := unix.NsecToTimespec(int64(d))
	unix.Nanosleep(&wait, nil)
}

// reserveWithoutDescriptors has C reserve a permit, which C gives back at intervals as soon as a
// poller can be opened.
func reserveWithoutDescriptors() error {
	const permits = 2
	s, err := semaphore.New(permits)
	if err != nil {
		return err
	}
	s.FD()
	free, err := fillUp(0)
	if err != nil {
		return err
	}
	c := s.C()
	nap(300 * time.Millisecond) // three times as long as C otherwise keeps the permit
	free()
	return wantGivenBack(s, c, permits)
}

// wantGivenBack waits until C has given its permit back, so that all permits are free, and closes s.
func wantGivenBack(s *semaphore.Semaphore, c <-chan struct{}, permits int64) error {
	for begin := time.Now(); ; nap(time.Millisecond / 2) {
		if count, err := s.Count(); err != nil {
			return err
		} else if count == permits {
			break
		}
		if time.Since(begin) > 10*time.Second {
			return errors.New("C keeps its permit")
		}
	}
	<-c
	s.Release(1)
	return s.Close()
}

// exportWithoutDescriptors takes the last descriptor for the eventfd while C has reserved a permit,
// which C gives back at intervals as soon as a poller can be opened.
func exportWithoutDescriptors() error {
	const permits = 2
	s, err := semaphore.New(permits)
	if err != nil {
		return err
	}
	c := s.C()
	free, err := fillUp(1)
	if err != nil {
		return err
	}
	if s.FD() < 0 {
		return errors.New("FD finds no descriptor")
	}
	nap(50 * time.Millisecond)
	free()
	return wantGivenBack(s, c, permits)
}

// serveLateWithoutDescriptors has C wait for a permit that comes long after descriptors are
// available again.
func serveLateWithoutDescriptors() error {
	s, err := semaphore.New(0)
	if err != nil {
		return err
	}
	fd := s.FD()
	free, err := fillUp(0)
	if err != nil {
		return err
	}
	c := s.C()
	nap(50 * time.Millisecond)
	free()
	nap(50 * time.Millisecond)
	if err := rawAdd(fd, 1); err != nil {
		return err
	}
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		return errors.New("C is not served")
	}
	return s.Close()
}

func rawAdd(fd int, n uint64) error {
	_, err := unix.Write(fd, binary.NativeEndian.AppendUint64(nil, n))
	return err
}

// keepOrderWithoutDescriptors has two waiters for several permits. They cannot read the count
// and therefore try to take at intervals, the second one not before the first.
func keepOrderWithoutDescriptors() error {
	s, err := semaphore.New(0)
	if err != nil {
		return err
	}
	fd := s.FD()
	crowd := newCrowd(s)
	first := crowd.join(background, 5)
	second := crowd.join(background, 2)
	free, err := fillUp(0)
	if err != nil {
		return err
	}
	defer free()
	for i, n := range []uint64{2, 3, 2} {
		if err := rawAdd(fd, n); err != nil {
			return err
		}
		if i == 0 {
			nap(350 * time.Millisecond)
			continue
		}
		select {
		case got := <-crowd.arrivals:
			if want := []int{0, first, second}[i]; got.waiter != want || got.err != nil {
				return fmt.Errorf("waiter %d was served, %v; want waiter %d", got.waiter, got.err, want)
			}
		case <-time.After(10 * time.Second):
			return fmt.Errorf("no waiter was served after %d permits in step %d", n, i)
		}
	}
	return s.Close()
}

// acquireManyWithoutDescriptors acquires many permits, which are taken in pieces: once while
// enough are free, and once while too few are.
func acquireManyWithoutDescriptors() error {
	const permits, many = 3000, 2000
	s, err := semaphore.New(permits)
	if err != nil {
		return err
	}
	s.FD()
	free, err := fillUp(0)
	if err != nil {
		return err
	}
	if err := s.Acquire(background, many); err != nil {
		return fmt.Errorf("Acquire of free permits: %w", err)
	}
	if err := s.Acquire(background, many); !errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("Acquire of more than are free = %v, want EMFILE", err)
	}
	free()
	if count, err := s.Count(); count != permits-many || err != nil {
		return fmt.Errorf("Count = %d, %v, want %d", count, err, permits-many)
	}
	return s.Close()
}
