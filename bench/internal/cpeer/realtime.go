//go:build cgo && linux

package cpeer

/*
#include <stdlib.h>
#include "realtime.h"
*/
import "C"

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// A Periodic is a C thread that was started to call back once per period, and not
// joined yet.
type Periodic struct{ periodic *C.struct_periodic }

// StartPeriodic starts a thread that sends a block of 256 bytes through the route,
// or signals the handle if there is one, once per period. If fifo is set, it runs
// under SCHED_FIFO.
func StartPeriodic(handle unsafe.Pointer, r Route, fifo bool, period time.Duration, periods int) (*Periodic, error) {
	p := &Periodic{(*C.struct_periodic)(C.calloc(1, C.sizeof_struct_periodic))}
	p.periodic.handle, p.periodic.queue = handle, r.Queue
	p.periodic.period, p.periodic.periods = C.int64_t(period), C.uint64_t(periods)
	p.periodic.ns = (*C.int64_t)(C.calloc(C.size_t(periods), C.sizeof_int64_t))
	if fifo {
		p.periodic.fifo = 1
	}
	if errno := C.periodic_start(p.periodic); errno != 0 {
		p.free()
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	return p, nil
}

// Join waits until the thread has ended. It returns how many nanoseconds each call of
// the callback took, and how many periods had ended without one. An error matches
// [ErrNotPermitted] if the process may not use SCHED_FIFO. To be called once.
func (p *Periodic) Join() (ns []int64, missed int, err error) {
	defer p.free()
	C.periodic_join(p.periodic)
	err = errnoOrNil(p.periodic.error)
	if errors.Is(err, syscall.EPERM) {
		return nil, 0, ErrNotPermitted
	}
	for _, v := range unsafe.Slice(p.periodic.ns, p.periodic.calls) {
		ns = append(ns, int64(v))
	}
	return ns, int(p.periodic.missed), os.NewSyscallError("a C thread that calls back", err)
}

func (p *Periodic) free() {
	C.free(unsafe.Pointer(p.periodic.ns))
	C.free(unsafe.Pointer(p.periodic))
}
