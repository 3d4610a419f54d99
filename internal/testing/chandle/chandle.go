//go:build cgo && unix

package chandle

/*
#cgo CFLAGS: -I${SRCDIR}/../../../bridge/callback
#cgo LDFLAGS: -pthread
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include "eventchan.h"

struct told {
	uint64_t added;
	int closed, full;
};

struct job {
	pthread_t thread, interrupter;
	void *handle, *data;
	void **handles;			// of which handle is one after another, if there are many
	int many;
	long (*function)(void *);
	uint64_t n;
	int times, late;
	struct told told, inside;	// inside: in the signal handler
	unsigned *together;		// how many are not there yet
	int error;			// what cannot be, or ended the thread
	unsigned handled;		// signals
	int ended;
};

enum { CHANGED_ERRNO = 1000, NOT_ZERO, NOT_CANCELED };

// add calls eventchan_add once.
static void add(struct job *j, void *handle, struct told *told)
{
	int answer;

	errno = EXDEV;
	answer = eventchan_add(handle, j->n);
	if (errno != EXDEV)
		j->error = CHANGED_ERRNO;
	if (answer == 0)
		told->added += j->n;
	else if (answer == EBADF)
		told->closed++;
	else if (answer == EAGAIN)
		told->full++;
	else
		j->error = answer;
}

static void *adder(void *arg)
{
	struct job *j = arg;

	if (j->together) {
		__atomic_fetch_sub(j->together, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(j->together, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	for (int i = 0; i < j->times && j->told.closed < j->late; i++) {
		for (int k = 0; k < j->many; k++) {
			add(j, j->handles[k], &j->told);
			if (k % 8 == i % 8)
				sched_yield(); // so that consumers fall asleep
		}
		if (!j->many)
			add(j, j->handle, &j->told);
	}
	return NULL;
}

static void *caller(void *arg)
{
	struct job *j = arg;

	for (int i = 0; i < j->times; i++)
		if (j->function(j->data) != 0)
			j->error = NOT_ZERO;
	return NULL;
}

// An interrupted thread adds, and is sent signals whose handler adds, perhaps through
// another handle.
static __thread struct job *interrupted;

static void handler(int signal)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	struct job *j = interrupted;
	int error = errno;

	(void)signal;
	add(j, j->many ? j->handles[j->handled % (unsigned)j->many] : j->handle, &j->inside);
	if (j->handled % 8 == 0)
		nanosleep(&moment, NULL); // in which much can happen to what was begun
	__atomic_fetch_add(&j->handled, 1, __ATOMIC_RELEASE);
	errno = error;
}

static void *interrupter(void *arg)
{
	struct job *j = arg;

	for (unsigned sent = 0; !__atomic_load_n(&j->ended, __ATOMIC_ACQUIRE); ) {
		if (sent != __atomic_load_n(&j->handled, __ATOMIC_ACQUIRE)) {
			sched_yield();
			continue;
		}
		// After a while, because otherwise it would do nothing but handle signals.
		for (volatile unsigned i = sent++ * 7919 % 1000; i; i--)
			;
		pthread_kill(j->thread, SIGUSR2);
	}
	return NULL;
}

static void *interrupted_adder(void *arg)
{
	struct job *j = arg;
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART };
	sigset_t one;

	interrupted = j;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR2);
	j->thread = pthread_self();	// which pthread_create may not have stored yet
	if (sigaction(SIGUSR2, &action, NULL)) {
		j->error = errno;
		return NULL;
	}
	if ((j->error = pthread_create(&j->interrupter, NULL, interrupter, j)))
		return NULL;
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	adder(j);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	__atomic_store_n(&j->ended, 1, __ATOMIC_RELEASE);
	pthread_join(j->interrupter, NULL);
	return NULL;
}

// A canceled thread is to end at the first cancellation point that it meets.
static void *canceled_adder(void *arg)
{
	struct job *j = arg;

	pthread_cancel(pthread_self());
	add(j, j->handle, &j->told);
	j->error = NOT_CANCELED;
	pthread_testcancel();
	return NULL;
}

static void *(*const loops[])(void *) = { adder, caller, interrupted_adder, canceled_adder };

// start blocks all signals around pthread_create, whose thread inherits that.
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
	void *result;

	pthread_join(j->thread, &result);
	if (result == PTHREAD_CANCELED && j->error == NOT_CANCELED)
		j->error = 0;
	free(j->handles);
	j->told.added += j->inside.added;
	j->told.closed += j->inside.closed;
	j->told.full += j->inside.full;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	// Go's cache does not see the header in another folder. It sees when this
	// package, which compiles all of it, has changed.
	_ "github.com/eventchan/eventchan/bridge/callback"
)

// A Thread is a C thread that was started and not joined yet.
type Thread struct{ job *C.struct_job }

// Add starts a thread that calls eventchan_add(handle, n) so many times, or
// until that has returned EBADF late times.
func Add(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return start(0, adds(handle, n, times, late))
}

// Call starts a thread that calls the C function long (*)(void *), which is to return 0, with data.
func Call(function, data unsafe.Pointer, times int) (*Thread, error) {
	return start(1, C.struct_job{function: (*[0]byte)(function), data: data, times: C.int(times)})
}

// AddInterrupted is Add with a thread that is interrupted again and again by a
// signal, whose handler also calls eventchan_add(handle, n), and sometimes takes
// its time.
func AddInterrupted(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return start(2, adds(handle, n, times, late))
}

// AddEach starts a thread that calls eventchan_add(handle, n) for each of the handles,
// and all over again, so many times.
func AddEach(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return start(0, addsEach(handles, n, times))
}

// AddEachInterrupted is AddEach with a thread that is interrupted as that of
// [AddInterrupted] is, by a handler that adds to one handle after another.
func AddEachInterrupted(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return start(2, addsEach(handles, n, times))
}

// AddCanceled starts a thread that is canceled when it calls eventchan_add once.
// Join fails unless that call returned and the thread ended at its next
// cancellation point.
func AddCanceled(handle unsafe.Pointer, n uint64) (*Thread, error) {
	return start(3, adds(handle, n, 1, 1))
}

// AddTogether has k threads call eventchan_add(handle, n) once, all as much at
// the same time as they can.
func AddTogether(handle unsafe.Pointer, n uint64, k int) (told Told, err error) {
	missing := (*C.uint)(C.malloc(C.sizeof_uint))
	*missing = C.uint(k)
	defer C.free(unsafe.Pointer(missing))
	for range k {
		job := adds(handle, n, 1, 1)
		job.together = missing
		thread, failed := start(0, job)
		if failed != nil {
			panic(failed) // the threads that have started would never end
		}
		defer func() {
			t, failed := thread.Join()
			told, err = told.Plus(t), errors.Join(err, failed)
		}()
	}
	return told, err
}

func adds(handle unsafe.Pointer, n uint64, times, late int) C.struct_job {
	return C.struct_job{handle: handle, n: C.uint64_t(n), times: C.int(times), late: C.int(late)}
}

func addsEach(handles []unsafe.Pointer, n uint64, times int) C.struct_job {
	job := adds(nil, n, times, math.MaxInt32)
	job.many = C.int(len(handles))
	job.handles = (*unsafe.Pointer)(C.calloc(C.size_t(len(handles)), C.size_t(unsafe.Sizeof(handles[0]))))
	copy(unsafe.Slice(job.handles, len(handles)), handles)
	return job
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

// Join waits until the thread has ended, which keeps an OS thread of Go's busy,
// and returns what it was told. To be called once.
func (t *Thread) Join() (Told, error) {
	C.join(t.job)
	defer C.free(unsafe.Pointer(t.job))
	told := Told{uint64(t.job.told.added), int(t.job.told.closed), int(t.job.told.full)}
	switch t.job.error {
	case 0:
		return told, nil
	case C.NOT_ZERO:
		return told, errors.New("the C function has not returned 0")
	case C.CHANGED_ERRNO:
		return told, errors.New("eventchan_add has changed errno")
	case C.NOT_CANCELED:
		return told, errors.New("the thread was not canceled after eventchan_add")
	}
	return told, fmt.Errorf("the C thread: %w", syscall.Errno(t.job.error))
}
