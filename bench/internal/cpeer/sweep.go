//go:build cgo && linux

package cpeer

// #include <stdlib.h>
// #include "peer.h"
import "C"

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Sweep is a number of C threads. Each time that Next is called, every thread
// signals through its part of the lines, one after the other.
type Sweep struct {
	gates   []int
	threads []*Thread
}

// StartSweep starts the threads, which end after the given number of calls of Next.
func StartSweep(lines []Line, threads, times int) (*Sweep, error) {
	s := new(Sweep)
	for i := range threads {
		gate, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return nil, os.NewSyscallError("eventfd2", err)
		}
		s.gates = append(s.gates, gate)
		part := lines[i*len(lines)/threads : (i+1)*len(lines)/threads]
		list := (*C.struct_line)(C.calloc(C.size_t(len(part)+1), C.sizeof_struct_line))
		for k, l := range part {
			unsafe.Slice(list, len(part))[k] = l.c()
		}
		t, err := start(C.SWEEP, C.struct_job{
			lines: list, nlines: C.int(len(part)), in: C.int(gate), n: C.uint64_t(times)})
		if err != nil {
			return nil, err
		}
		s.threads = append(s.threads, t)
	}
	return s, nil
}

// Next lets each thread signal through its lines again.
func (s *Sweep) Next() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	for _, gate := range s.gates {
		if _, err := unix.Write(gate, one[:]); err != nil {
			panic(err)
		}
	}
}

// Join waits until the threads have ended. To be called once.
func (s *Sweep) Join() (err error) {
	for i, t := range s.threads {
		if _, failed := t.Join(); failed != nil {
			err = failed
		}
		unix.Close(s.gates[i])
	}
	return err
}

// FanIn times an epoll loop in C, which runs in this thread and reads all eventfds
// the given number of times. Each time the threads write to every eventfd once. A
// first time, which warms up, is not in the sum of what was read, nor in ns.
func FanIn(fds []int, threads, times int) (sum uint64, ns int64, err error) {
	lines, numbers := make([]Line, len(fds)), make([]C.int, len(fds))
	for i, fd := range fds {
		lines[i], numbers[i] = Write(fd), C.int(fd)
	}
	s, err := StartSweep(lines, threads, times+1)
	if err != nil {
		return 0, 0, err
	}
	gates := make([]C.int, threads)
	for i, gate := range s.gates {
		gates[i] = C.int(gate)
	}
	var read C.uint64_t
	ns, err = checked(C.peer_fan_in(&numbers[0], C.int(len(fds)), &gates[0], C.int(threads), C.uint64_t(times), &read))
	if err != nil {
		return 0, 0, err // which ends the run, and the threads with it
	}
	return uint64(read), ns, s.Join()
}
