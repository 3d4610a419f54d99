//go:build cgo && linux

package chandle

/*
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct paused {
	pthread_t thread;
	void *handle;
	sem_t stopped, go_on;
	int answer;
};

static __thread struct paused *self;

static void stop(void)
{
	sem_post(&self->stopped);
	while (sem_wait(&self->go_on))
		;
}

// The header, with a stop before users is looked at, and one before the write.
#define write(fd, from, size) (stop(), write(fd, from, size))
#define __atomic_load_n(from, order) (stop(), __atomic_load_n(from, order))
#include "eventchan.h"

static void *pausing_adder(void *arg)
{
	self = arg;
	self->answer = eventchan_add(self->handle, 1);
	return NULL;
}

static int start_paused(struct paused *p)
{
	sem_init(&p->stopped, 0, 0);
	sem_init(&p->go_on, 0, 0);
	return pthread_create(&p->thread, NULL, pausing_adder, p);
}

static void stopped(struct paused *p)
{
	while (sem_wait(&p->stopped))
		;
}

static int join_paused(struct paused *p)
{
	pthread_join(p->thread, NULL);
	return p->answer;
}
*/
import "C"

import (
	"os"
	"syscall"
	"unsafe"
)

// A Paused is a thread that calls eventchan_add(handle, 1) once. If that has to
// ring, it stops before it enters, that is before it counts itself among those who
// may name the doorbell, and, if it has entered, before it writes.
type Paused struct{ thread *C.struct_paused }

// AddPaused starts a thread and returns when it has stopped for the first time,
// which it must do.
func AddPaused(handle unsafe.Pointer) (*Paused, error) {
	thread := (*C.struct_paused)(C.calloc(1, C.sizeof_struct_paused))
	thread.handle = handle
	if errno := C.start_paused(thread); errno != 0 {
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	C.stopped(thread)
	return &Paused{thread}, nil
}

// Enter lets it go on, and returns when it has stopped again, which it must do.
func (p *Paused) Enter() {
	C.sem_post(&p.thread.go_on)
	C.stopped(p.thread)
}

// Finish lets it go on to its end, and returns what eventchan_add did.
func (p *Paused) Finish() syscall.Errno {
	C.sem_post(&p.thread.go_on)
	return syscall.Errno(C.join_paused(p.thread))
}
