//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package chandle

/*
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include "eventchan.h"

struct value { uint64_t sender, number; };	// see Value

struct sender {
	pthread_t thread, interrupter;
	void *queue;
	uint64_t sender, sent, times;	// sent: also the last number
	uint64_t closed, full, late;
	uint32_t unreceived, most;	// it sends only while unreceived is less than most, unless most is 0
	int reserves;		// it uses eventchan_reserve and not eventchan_send
	int error;
	struct sender *inside;	// the sender of the signal handler, or NULL
	unsigned handled;	// how many signals were handled
	int ended;
};

enum { SENT_CHANGED_ERRNO = 1000, SENT_UNALIGNED };

static int send_one(struct sender *s, struct value v)
{
	void *place;
	uint64_t ticket;
	int answer;

	if (!s->reserves)
		return EVENTCHAN_SEND(s->queue, v);
	answer = eventchan_reserve(s->queue, sizeof v, &place, &ticket);
	if (answer)
		return answer;
	if ((uintptr_t)place % 16)
		s->error = SENT_UNALIGNED;
	if (v.number % 64 == 0)
		sched_yield(); // so that others overtake
	*(struct value *)place = v;
	return eventchan_commit(s->queue, ticket);
}

// try sends the next number once. A number that was refused is used again.
static int try(struct sender *s)
{
	int answer;

	errno = EXDEV;
	answer = send_one(s, (struct value){ s->sender, s->sent + 1 });
	if (errno != EXDEV)
		s->error = SENT_CHANGED_ERRNO;
	if (answer == 0)
		s->sent++;
	else if (answer == EBADF)
		s->closed++;
	else if (answer == EAGAIN)
		s->full++;
	else
		s->error = answer;
	return answer;
}

// try_within is try once fewer than most values are unreceived.
static int try_within(struct sender *s)
{
	int answer;

	while (__atomic_load_n(&s->unreceived, __ATOMIC_ACQUIRE) >= s->most)
		sched_yield();
	__atomic_fetch_add(&s->unreceived, 1, __ATOMIC_RELAXED);
	answer = try(s);
	if (answer)
		__atomic_fetch_sub(&s->unreceived, 1, __ATOMIC_RELAXED);
	return answer;
}

static __thread struct sender *sending;

static void on_signal(int signal)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	struct sender *s = sending;
	int error = errno;

	(void)signal;
	try(s->inside);
	if (s->handled % 8 == 0)
		nanosleep(&moment, NULL); // lets other threads overtake the interrupted call
	__atomic_fetch_add(&s->handled, 1, __ATOMIC_RELEASE);
	errno = error;
}

static void *interrupt(void *arg)
{
	struct sender *s = arg;

	for (unsigned sent = 0; !__atomic_load_n(&s->ended, __ATOMIC_ACQUIRE); ) {
		if (sent != __atomic_load_n(&s->handled, __ATOMIC_ACQUIRE)) {
			sched_yield();
			continue;
		}
		for (volatile unsigned i = sent++ * 7919 % 1000; i; i--)
			;
		pthread_kill(s->thread, SIGUSR1);
	}
	return NULL;
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART };
	sigset_t one;

	sending = s;
	s->thread = pthread_self();
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	if (s->inside) {
		if (sigaction(SIGUSR1, &action, NULL)) {
			s->error = errno;
			return NULL;
		}
		if ((s->error = pthread_create(&s->interrupter, NULL, interrupt, s)))
			return NULL;
		pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	}
	while (s->sent < s->times && s->closed < s->late && !s->error)
		if ((s->most ? try_within(s) : try(s)) || s->sent % 97 == 0)
			sched_yield();
	if (s->inside) {
		pthread_sigmask(SIG_BLOCK, &one, NULL);
		__atomic_store_n(&s->ended, 1, __ATOMIC_RELEASE);
		pthread_join(s->interrupter, NULL);
	}
	return NULL;
}

// start_sender blocks all signals around pthread_create, so that the thread inherits that.
static int start_sender(struct sender *s)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&s->thread, NULL, send_all, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

static void join_sender(struct sender *s) { pthread_join(s->thread, NULL); }
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A Sender is a C thread that was started and not joined yet.
type Sender struct{ job *C.struct_sender }

// Send starts a thread that sends Values to a queue, numbered from 1, until the given number
// was accepted, or eventchan_send has returned EBADF late times. A number that was
// refused is used again.
func Send(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return startSender(C.struct_sender{queue: queue, sender: C.uint64_t(sender), times: C.uint64_t(times), late: C.uint64_t(late)}, false)
}

// SendWithin is Send with a thread that sends only while fewer than most values are unreceived, and
// whose Join fails if any is refused. The receiver calls Received for each value.
func SendWithin(queue unsafe.Pointer, most, times int) (*Sender, error) {
	return startSender(C.struct_sender{queue: queue, most: C.uint32_t(most), times: C.uint64_t(times), late: 1}, false)
}

// Received says that another value was received.
func (s *Sender) Received() { atomic.AddUint32((*uint32)(&s.job.unreceived), ^uint32(0)) }

// Reserve is Send with eventchan_reserve and eventchan_commit.
func Reserve(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return startSender(C.struct_sender{queue: queue, sender: C.uint64_t(sender), times: C.uint64_t(times), late: C.uint64_t(late), reserves: 1}, false)
}

// SendInterrupted is Send with a thread that a signal interrupts again and again. The signal's
// handler sends to the same queue, as sender+1.
func SendInterrupted(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return startSender(C.struct_sender{queue: queue, sender: C.uint64_t(sender), times: C.uint64_t(times), late: C.uint64_t(late)}, true)
}

// ReserveInterrupted is SendInterrupted with eventchan_reserve and eventchan_commit.
func ReserveInterrupted(queue unsafe.Pointer, sender uint64, times, late int) (*Sender, error) {
	return startSender(C.struct_sender{queue: queue, sender: C.uint64_t(sender), times: C.uint64_t(times), late: C.uint64_t(late), reserves: 1}, true)
}

func startSender(job C.struct_sender, interrupted bool) (*Sender, error) {
	j := (*C.struct_sender)(C.calloc(2, C.sizeof_struct_sender))
	*j = job
	if interrupted {
		j.inside = (*C.struct_sender)(unsafe.Add(unsafe.Pointer(j), C.sizeof_struct_sender))
		*j.inside = job
		j.inside.sender++
	}
	if errno := C.start_sender(j); errno != 0 {
		C.free(unsafe.Pointer(j))
		return nil, os.NewSyscallError("pthread_create", syscall.Errno(errno))
	}
	return &Sender{job: j}, nil
}

// Join waits until the thread has ended, which blocks an OS thread of Go's, and
// returns how many values the thread has sent, and how many its signal
// handler has sent. It can be called only once.
func (s *Sender) Join() (sent, inside uint64, err error) {
	C.join_sender(s.job)
	defer C.free(unsafe.Pointer(s.job))
	err = senderError(s.job.error)
	if s.job.most > 0 && s.job.full > 0 {
		err = errors.Join(err, fmt.Errorf("%d sends were refused while fewer than %d values were unreceived", s.job.full, s.job.most))
	}
	if s.job.inside != nil {
		inside = uint64(s.job.inside.sent)
		err = errors.Join(err, senderError(s.job.inside.error))
	}
	return uint64(s.job.sent), inside, err
}

func senderError(code C.int) error {
	switch code {
	case 0:
		return nil
	case C.SENT_CHANGED_ERRNO:
		return errors.New("a send has changed errno")
	case C.SENT_UNALIGNED:
		return errors.New("a reserved place is not aligned to 16 bytes")
	}
	return fmt.Errorf("the C thread: %w", syscall.Errno(code))
}
