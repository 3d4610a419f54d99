//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package chandle

/*
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct paused {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	void *handle;
	int reached, next;	// stops
	int ended, answer;
};

static __thread struct paused *self;

static void stop(void)
{
	pthread_mutex_lock(&self->lock);
	self->reached++;
	pthread_cond_broadcast(&self->change);
	while (self->reached >= self->next)
		pthread_cond_wait(&self->change, &self->lock);
	pthread_mutex_unlock(&self->lock);
}

// The header is compiled with a stop before each load and before the write.
#define write(fd, from, size) (stop(), write(fd, from, size))
#define __atomic_load_n(from, order) (stop(), __atomic_load_n(from, order))
#include "eventchan.h"

static void *pausing_adder(void *arg)
{
	self = arg;
	self->answer = eventchan_add(self->handle, 1);
	pthread_mutex_lock(&self->lock);
	self->ended = 1;
	pthread_cond_broadcast(&self->change);
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

static int start_paused(struct paused *p, int next)
{
	p->next = next;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->change, NULL);
	return pthread_create(&p->thread, NULL, pausing_adder, p);
}

// go_on returns whether the thread has reached the stop next.
static int go_on(struct paused *p, int next)
{
	int there;

	pthread_mutex_lock(&p->lock);
	p->next = next;
	pthread_cond_broadcast(&p->change);
	while (p->reached < next && !p->ended)
		pthread_cond_wait(&p->change, &p->lock);
	there = p->reached == next;
	pthread_mutex_unlock(&p->lock);
	return there;
}

static int finish(struct paused *p)
{
	go_on(p, 1000);
	pthread_join(p->thread, NULL);
	return p->answer;
}
*/
import "C"

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// A Paused is a thread that calls eventchan_add(handle, 1) once and stops in the middle.
type Paused struct{ thread *C.struct_paused }

// AddPaused starts a thread and returns once it has stopped there.
func AddPaused(handle unsafe.Pointer, there Stop) (*Paused, error) {
	thread := (*C.struct_paused)(C.calloc(1, C.sizeof_struct_paused))
	thread.handle = handle
	if errno := C.start_paused(thread, C.int(there)); errno != 0 {
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	p := &Paused{thread}
	return p, p.GoOn(there)
}

// GoOn lets the thread go on and returns once it has stopped there. It returns an
// error if the thread ends without reaching that stop.
func (p *Paused) GoOn(there Stop) error {
	if C.go_on(p.thread, C.int(there)) == 0 {
		return fmt.Errorf("eventchan_add has returned after stop %d, before stop %d", p.thread.reached, there)
	}
	return nil
}

// Finish lets the thread run to its end, and returns the result of eventchan_add.
func (p *Paused) Finish() int {
	defer C.free(unsafe.Pointer(p.thread))
	return int(C.finish(p.thread))
}
