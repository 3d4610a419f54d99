// SPDX-License-Identifier: MIT

//go:build linux && cgo

#include "meter.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct source {
	pthread_t thread;
	uint32_t id, count;
	meter_callback callback;
	void *user;
};

static struct source sources[METER_SOURCES];
static uint32_t handled;	// how many readings the signal handler has made

static void measure(struct source *s, uint32_t number)
{
	const struct reading r = { s->id, number, 0.5 * number };

	s->callback(&r, s->user);
}

static void *measure_all(void *arg)
{
	struct source *s = arg;

	for (uint32_t i = 0; i < s->count; i++)
		measure(s, i);
	// Thread 1 must not end before the signal handler has interrupted it often enough.
	while (s->id == 1 && __atomic_load_n(&handled, __ATOMIC_ACQUIRE) < s->count)
		sched_yield();
	return NULL;
}

static void handler(int signal)
{
	(void)signal;
	measure(&sources[2], handled);
	__atomic_store_n(&handled, handled + 1, __ATOMIC_RELEASE);
}

int meter_run(uint32_t count, meter_callback callback, void *user)
{
	struct sigaction old, action = { .sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART };
	int started, error = 0;

	handled = 0;
	for (uint32_t id = 0; id < METER_SOURCES; id++)
		sources[id] = (struct source){ .id = id, .count = count, .callback = callback, .user = user };
	sigaction(SIGUSR2, &action, &old);
	for (started = 0; started < 2 && !error; started += !error)
		error = pthread_create(&sources[started].thread, NULL, measure_all, &sources[started]);
	for (uint32_t sent = 0; started == 2 && sent < count; sent++) {
		pthread_kill(sources[1].thread, SIGUSR2);
		while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == sent)
			sched_yield();
	}
	while (started > 0)
		pthread_join(sources[--started].thread, NULL);
	sigaction(SIGUSR2, &old, NULL);
	return error;
}
