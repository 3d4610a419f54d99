// SPDX-License-Identifier: MIT

//go:build cgo && linux

#include "realtime.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include "eventchan.h"
#include "peer.h"

extern void eventchanBenchValue(void *value);	// in Go

// callback is what a library calls for each block, which is its memory and gone
// when the callback returns.
static int callback(struct periodic *p, struct block *block)
{
	if (p->handle)
		return eventchan_add(p->handle, 1);
	if (p->queue)
		return EVENTCHAN_SEND(p->queue, *block);
	eventchanBenchValue(block);
	return 0;
}

static int sleep_until(int64_t ns)
{
	const struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int error;

	do
		error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	while (error == EINTR);
	return error;
}

static int become_fifo(void)
{
	const struct sched_param param = { .sched_priority = 20 };

	return pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

// periodic calls back once per period. Where a callback ends after its period, the
// device has thrown away what came in the periods that are over. The period that has
// begun by then is served late.
static void *periodic(void *arg)
{
	struct periodic *p = arg;
	struct block block = { { 0 } };
	int64_t begin, end, due;
	uint64_t over, i;

	if (p->fifo && (p->error = become_fifo()))
		return NULL;
	due = peer_now() + p->period;
	for (i = 0; i < p->periods; i += over, due += (int64_t)over * p->period) {
		if ((p->error = sleep_until(due)))
			return NULL;
		block.words[0] = block.words[31] = p->calls;
		begin = peer_now();
		p->error = callback(p, &block);
		end = peer_now();
		if (p->error)
			return NULL;
		p->ns[p->calls++] = end - begin;
		over = 1;
		if (end >= due + p->period) {
			over = (uint64_t)((end - due) / p->period);
			if (over > p->periods - i)
				over = p->periods - i;
			p->missed += over;
		}
	}
	return NULL;
}

int periodic_start(struct periodic *p)
{
	return peer_thread(&p->thread, periodic, p);
}

void periodic_join(struct periodic *p)
{
	pthread_join(p->thread, NULL);
}
