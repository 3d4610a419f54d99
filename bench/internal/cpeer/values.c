// SPDX-License-Identifier: MIT

//go:build cgo && linux

#include "values.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "eventchan.h"
#include "peer.h"

extern void eventchanBenchValue(void *value);	// in Go

#define ALWAYS_INLINE static inline __attribute__((always_inline))

enum { WORDS = 256 / sizeof(uint64_t) };	// of the largest value

struct array *array_new(uint32_t capacity, size_t size, void *handle)
{
	struct array *a = calloc(1, sizeof *a);

	pthread_mutex_init(&a->lock, NULL);
	a->capacity = capacity;
	a->filling = calloc(capacity, size);
	a->taken = calloc(capacity, size);
	a->handle = handle;
	return a;
}

void array_free(struct array *a)
{
	free(a->filling);
	free(a->taken);
	free(a);
}

uint32_t array_take(struct array *a, void **values)
{
	char *full;
	uint32_t n;

	pthread_mutex_lock(&a->lock);
	full = a->filling;
	a->filling = a->taken;
	a->taken = full;
	n = a->n;
	a->n = 0;
	pthread_mutex_unlock(&a->lock);
	*values = full;
	return n;
}

ALWAYS_INLINE int array_put(struct array *a, const void *value, size_t size)
{
	uint32_t n;

	pthread_mutex_lock(&a->lock);
	while (a->n == a->capacity) {
		pthread_mutex_unlock(&a->lock);
		sched_yield();
		pthread_mutex_lock(&a->lock);
	}
	n = a->n++;
	memcpy(a->filling + n * size, value, size);
	pthread_mutex_unlock(&a->lock);
	return n ? 0 : eventchan_add(a->handle, 1);
}

ALWAYS_INLINE int put(struct sender *s, enum route route, void *value, size_t size)
{
	int error;

	switch (route) {
	case TO_QUEUE:
		while ((error = eventchan_send(s->queue, value, size)) == EAGAIN)
			sched_yield();
		return error;
	case TO_ARRAY:
		return array_put(s->array, value, size);
	case TO_PIPE:
		return write(s->pipe, value, size) == (ssize_t)size ? 0 : errno;
	default:
		eventchanBenchValue(value);
		return 0;
	}
}

// number makes value the i-th one of its sender.
ALWAYS_INLINE void number(uint64_t *value, uint64_t i, size_t size)
{
	value[0] = i;
	if (size > 2 * sizeof *value)
		value[size / sizeof *value - 1] = i;
}

ALWAYS_INLINE int wait_for(int fd)
{
	uint64_t count;

	return fd < 0 || read(fd, &count, sizeof count) == sizeof count ? 0 : errno;
}

ALWAYS_INLINE void wake(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof one) < 0)
		abort();	// the Go side would wait forever
}

// send has constants for route and size, as a callback of a C library has.
ALWAYS_INLINE void *send(struct sender *s, enum route route, size_t size)
{
	uint64_t value[WORDS] = { 0, s->id };

	for (uint64_t b = 0, i = 0; b < s->bursts && !s->error; b++) {
		int64_t begin;

		if ((s->error = wait_for(s->gate)))
			break;
		begin = peer_busy();
		for (uint64_t k = 0; k < s->n && !s->error; k++, i++) {
			number(value, i, size);
			s->error = put(s, route, value, size);
		}
		s->busy += peer_busy() - begin;
		wake(s->over);	// also after an error, which is looked for then
	}
	return NULL;
}

#define SEND(route, size) static void *send_##route##_##size(void *s) { return send(s, route, size); }
#define SENDS(size) SEND(TO_QUEUE, size) SEND(TO_ARRAY, size) SEND(TO_PIPE, size) SEND(TO_GO, size)
SENDS(16)
SENDS(64)
SENDS(256)

#define ROW(size) { send_TO_QUEUE_##size, send_TO_ARRAY_##size, send_TO_PIPE_##size, send_TO_GO_##size }
static void *(*const sends[][ROUTES])(void *) = { ROW(16), ROW(64), ROW(256) };

int sender_start(struct sender *s, enum route route, size_t size)
{
	return peer_thread(&s->thread, sends[size == 16 ? 0 : size == 64 ? 1 : 2][route], s);
}

void sender_join(struct sender *s)
{
	pthread_join(s->thread, NULL);
}

// send_numbered sends the next value of a thread, whose number is that of the values
// that were accepted before.
static int send_numbered(struct job *j, uint64_t *value, void *handle, size_t size)
{
	int error;

	number(value, j->accepted, size);
	error = eventchan_send(handle, value, size);
	if (error == 0) {
		j->squares += j->accepted * j->accepted;
		j->accepted++;
	} else if (error == EBADF)
		j->late++;
	else if (error == EAGAIN)
		j->refused++;
	else
		j->error = error;
	return error;
}

// endure_values sends through one queue of the board at a time. For a sixteenth of the
// time it sends one value and pauses, while all receivers and the doorbell go
// to sleep. Otherwise it sends up to 1,024 values, or until the queue is full. Now and
// then it sends through a queue that was on the board before and is probably closed.
void *endure_values(void *arg)
{
	enum { OLD = 256, BURST = 1024, PHASE = 10 * 1000 * 1000, PHASES = 16 };
	const struct timespec pause = { .tv_nsec = 20 * 1000 };
	struct job *j = arg;
	struct { void *handle; size_t size; } old[OLD] = { { 0 } };
	uint64_t seed = j->n, value[WORDS] = { 0, j->n };

	while (!__atomic_load_n(&j->board->stop, __ATOMIC_RELAXED) && !j->error) {
		uint64_t r = peer_random(&seed), place = (r >> 32) % j->board->n;
		int one_by_one = peer_now() / PHASE % PHASES == 0, error = 0;
		void *handle = __atomic_load_n(&j->board->handles[place], __ATOMIC_ACQUIRE);
		size_t size = j->sizes[place], k = (r >> 8) % OLD;

		if (!handle)	// its goroutine has not run yet
			continue;
		for (uint64_t n = one_by_one ? 1 : r % BURST + 1; n > 0 && !error; n--)
			error = send_numbered(j, value, handle, size);
		if (old[k].handle && r >> 16 & 1)
			send_numbered(j, value, old[k].handle, old[k].size);
		if ((r >> 17) % 16 == 0) {
			old[k].handle = handle;
			old[k].size = size;
		}
		if (one_by_one)
			nanosleep(&pause, NULL);
		else if (error == EAGAIN && j->refused % 8 == 0)	// most queues are full
			sched_yield();
	}
	return NULL;
}
