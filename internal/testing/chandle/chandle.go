//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

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

struct answers {
	uint64_t added;
	int closed, full;
};

struct job {
	pthread_t thread, interrupter;
	void *handle, *data;
	void **handles;			// used in turn instead of handle, if many is not 0
	int many;
	long (*function)(void *);
	uint64_t n;
	int times, late;
	struct answers answers, inside;	// inside: in the signal handler
	unsigned *together;		// how many threads have not started yet
	int error;			// what was wrong, or why the thread ended
	unsigned handled;		// how many signals were handled
	int ended;
};

enum { CHANGED_ERRNO = 1000, NOT_ZERO, NOT_CANCELED };

// add calls eventchan_add once.
static void add(struct job *j, void *handle, struct answers *answers)
{
	int answer;

	errno = EXDEV;
	answer = eventchan_add(handle, j->n);
	if (errno != EXDEV)
		j->error = CHANGED_ERRNO;
	if (answer == 0)
		answers->added += j->n;
	else if (answer == EBADF)
		answers->closed++;
	else if (answer == EAGAIN)
		answers->full++;
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
	for (int i = 0; i < j->times && j->answers.closed < j->late; i++) {
		for (int k = 0; k < j->many; k++) {
			add(j, j->handles[k], &j->answers);
			if (k % 8 == i % 8)
				sched_yield(); // so that consumers fall asleep
		}
		if (!j->many)
			add(j, j->handle, &j->answers);
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

// An interrupted thread adds while it gets signals whose handler adds, possibly to another handle.
static __thread struct job *interrupted;

static void handler(int signal)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	struct job *j = interrupted;
	int error = errno;

	(void)signal;
	add(j, j->many ? j->handles[j->handled % (unsigned)j->many] : j->handle, &j->inside);
	if (j->handled % 8 == 0)
		nanosleep(&moment, NULL); // lets other threads overtake the interrupted call
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
		// Wait a moment, because otherwise the thread would only handle signals.
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
	j->thread = pthread_self();	// pthread_create might not have stored it yet
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

// A canceled thread must end at the first cancellation point that it reaches.
static void *canceled_adder(void *arg)
{
	struct job *j = arg;

	pthread_cancel(pthread_self());
	add(j, j->handle, &j->answers);
	j->error = NOT_CANCELED;
	pthread_testcancel();
	return NULL;
}

static void *(*const loops[])(void *) = { adder, caller, interrupted_adder, canceled_adder };

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
	void *result;

	pthread_join(j->thread, &result);
	if (result == PTHREAD_CANCELED && j->error == NOT_CANCELED)
		j->error = 0;
	free(j->handles);
	j->answers.added += j->inside.added;
	j->answers.closed += j->inside.closed;
	j->answers.full += j->inside.full;
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

	// For Go's build cache, which does not see changes of a header in another folder.
	_ "github.com/eventchan/eventchan/bridge/callback"
)

// A Thread is a C thread that was started and not joined yet.
type Thread struct{ job *C.struct_job }

// Add starts a thread that calls eventchan_add(handle, n) the given number of times, or
// until it has returned EBADF late times.
func Add(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return start(0, adds(handle, n, times, late))
}

// Call starts a thread that calls a C function, a long (*)(void *) that returns 0, with data.
func Call(function, data unsafe.Pointer, times int) (*Thread, error) {
	return start(1, C.struct_job{function: (*[0]byte)(function), data: data, times: C.int(times)})
}

// AddInterrupted is Add with a thread that a signal interrupts again and again. The signal's
// handler also calls eventchan_add(handle, n), and sometimes sleeps for a moment.
func AddInterrupted(handle unsafe.Pointer, n uint64, times, late int) (*Thread, error) {
	return start(2, adds(handle, n, times, late))
}

// AddEach starts a thread that calls eventchan_add(handle, n) for each of the handles,
// and repeats that the given number of times.
func AddEach(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return start(0, addsEach(handles, n, times))
}

// AddEachInterrupted is AddEach with a thread that is interrupted like that of
// [AddInterrupted], by a handler that adds to one handle after another.
func AddEachInterrupted(handles []unsafe.Pointer, n uint64, times int) (*Thread, error) {
	return start(2, addsEach(handles, n, times))
}

// AddCanceled starts a thread that is canceled before it calls eventchan_add once.
// Join fails unless that call has returned and the thread has ended at its next
// cancellation point.
func AddCanceled(handle unsafe.Pointer, n uint64) (*Thread, error) {
	return start(3, adds(handle, n, 1, 1))
}

// AddTogether makes k threads call eventchan_add(handle, n) once, as simultaneously as possible.
func AddTogether(handle unsafe.Pointer, n uint64, k int) (answers Answers, err error) {
	missing := (*C.uint)(C.malloc(C.sizeof_uint))
	*missing = C.uint(k)
	defer C.free(unsafe.Pointer(missing))
	for range k {
		job := adds(handle, n, 1, 1)
		job.together = missing
		thread, failed := start(0, job)
		if failed != nil {
			panic(failed) // the threads that have started will never end
		}
		defer func() {
			t, failed := thread.Join()
			answers, err = answers.Plus(t), errors.Join(err, failed)
		}()
	}
	return answers, err
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

// Join waits until the thread has ended, which blocks an OS thread of Go's,
// and returns the results of its calls. It can be called only once.
func (t *Thread) Join() (Answers, error) {
	C.join(t.job)
	defer C.free(unsafe.Pointer(t.job))
	answers := Answers{uint64(t.job.answers.added), int(t.job.answers.closed), int(t.job.answers.full)}
	switch t.job.error {
	case 0:
		return answers, nil
	case C.NOT_ZERO:
		return answers, errors.New("the C function did not return 0")
	case C.CHANGED_ERRNO:
		return answers, errors.New("eventchan_add has changed errno")
	case C.NOT_CANCELED:
		return answers, errors.New("the thread was not canceled after eventchan_add")
	}
	return answers, fmt.Errorf("the C thread: %w", syscall.Errno(t.job.error))
}
