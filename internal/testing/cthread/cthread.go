//go:build cgo && linux

package cthread

/*
#cgo LDFLAGS: -pthread
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct job {
	pthread_t thread;
	int fd;
	uint64_t times;
	int64_t *held, limit;	// of permits; held is NULL for the other jobs
	uint64_t sum;		// how much was taken in all
	int error;
	int past;		// how often more permits were held than there are
};

// later waits until the eventfd is ready for the call that just returned EAGAIN.
static int later(struct job *j, short events)
{
	struct pollfd p = { .fd = j->fd, .events = events };

	if (errno == EAGAIN && (poll(&p, 1, -1) >= 0 || errno == EINTR))
		return 1;
	if (errno == EINTR)
		return 1;
	j->error = errno;
	return 0;
}

static int add(struct job *j, uint64_t delta)
{
	while (write(j->fd, &delta, sizeof delta) != sizeof delta)
		if (!later(j, POLLOUT))
			return 0;
	return 1;
}

static int take(struct job *j)
{
	uint64_t count;

	while (read(j->fd, &count, sizeof count) != sizeof count)
		if (!later(j, POLLIN))
			return 0;
	j->sum += count;
	return 1;
}

static void *signaler(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->times && add(j, 1); i++)
		;
	return NULL;
}

static void *taker(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->times && take(j); i++)
		;
	return NULL;
}

static void *holder(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->times && take(j); i++) {
		if (__atomic_add_fetch(j->held, 1, __ATOMIC_SEQ_CST) > j->limit)
			j->past++;
		sched_yield();
		__atomic_sub_fetch(j->held, 1, __ATOMIC_SEQ_CST);
		if (!add(j, 1))
			break;
	}
	return NULL;
}

static void *(*const loops[])(void *) = { signaler, taker, holder };

// start blocks all signals around pthread_create, so that the thread inherits that.
static int start(struct job *j, int loop)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&j->thread, NULL, loops[loop], j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

static void join(struct job *j)
{
	pthread_join(j->thread, NULL);
}
*/
import "C"

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// A Thread is a C thread that was started and not joined yet.
type Thread struct {
	job *C.struct_job
}

// Signal starts a thread that writes 1 to the eventfd fd, n times. While the count is at its
// maximum, the thread waits.
func Signal(fd, n int) (*Thread, error) {
	return start(0, C.struct_job{fd: C.int(fd), times: C.uint64_t(n)})
}

// Take starts a thread that reads the eventfd fd, n times. While the count is 0, it waits.
func Take(fd, n int) (*Thread, error) {
	return start(1, C.struct_job{fd: C.int(fd), times: C.uint64_t(n)})
}

// Hold starts a thread that, n times, takes a permit from the semaphore fd,
// counts itself in held for an instant, and puts the permit back. Join fails if
// held was ever above limit. held must not be in Go's memory.
func Hold(fd, n int, held *int64, limit int64) (*Thread, error) {
	return start(2, C.struct_job{
		fd: C.int(fd), times: C.uint64_t(n),
		held: (*C.int64_t)(unsafe.Pointer(held)), limit: C.int64_t(limit),
	})
}

func start(loop C.int, job C.struct_job) (*Thread, error) {
	j := (*C.struct_job)(C.malloc(C.sizeof_struct_job))
	*j = job
	if errno := C.start(j, loop); errno != 0 {
		C.free(unsafe.Pointer(j))
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	return &Thread{job: j}, nil
}

// Join waits until the thread has ended, which blocks an OS thread of Go's,
// and returns the sum of what the thread has read. It can be called only once.
func (t *Thread) Join() (sum uint64, err error) {
	C.join(t.job)
	defer C.free(unsafe.Pointer(t.job))
	switch {
	case t.job.error != 0:
		return 0, fmt.Errorf("the C thread: %w", syscall.Errno(t.job.error))
	case t.job.past != 0:
		return 0, fmt.Errorf("the C thread saw more than %d permits held, %d times", t.job.limit, t.job.past)
	}
	return uint64(t.job.sum), nil
}
