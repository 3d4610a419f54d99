// SPDX-License-Identifier: MIT

//go:build cgo && linux

#include "peer.h"
#include "values.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "eventchan.h"

extern void eventchanBenchCallback(void);	// in Go

static int add(struct job *j, int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof one) == sizeof one)
		return 1;
	j->error = errno;
	return 0;
}

// take returns the count, or 0 on error.
static uint64_t take(struct job *j, int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof count) != sizeof count)
		if (errno != EINTR) {
			j->error = errno;
			return 0;
		}
	return count;
}

static inline int signal_to(struct job *j, struct line line)
{
	if (line.handle)
		return (j->error = eventchan_add(line.handle, 1)) == 0;
	if (line.fd >= 0)
		return add(j, line.fd);
	if (line.queue) {
		const uint64_t value[2] = { j->sent++, 0 };

		return (j->error = EVENTCHAN_SEND(line.queue, value)) == 0;
	}
	eventchanBenchCallback();
	return 1;
}

static int round_trip(struct job *j)
{
	return signal_to(j, j->out) && take(j, j->in);
}

static void *ping(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->warm; i++)
		if (!round_trip(j))
			return NULL;
	for (uint64_t i = 0; i < j->n; i++) {
		int64_t start = peer_now();

		if (!round_trip(j))
			return NULL;
		j->ns[i] = peer_now() - start;
	}
	return NULL;
}

static void *flood(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->n && signal_to(j, j->out); i++)
		;
	return NULL;
}

// paced signals at a steady pace, or as soon as it can when it is late, and times
// each signal.
static void *paced(void *arg)
{
	struct job *j = arg;
	int64_t due = peer_now();

	for (uint64_t i = 0; i < j->n; i++, due += j->gap) {
		int64_t start;

		do
			start = peer_now();
		while (start < due);
		if (!signal_to(j, j->out))
			break;
		j->ns[i] = peer_now() - start;
	}
	j->busy = peer_busy();
	return NULL;
}

// sweep signals through each of the lines, once every time that in lets it.
static void *sweep(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->n && take(j, j->in); i++)
		for (int k = 0; k < j->nlines; k++)
			if (!signal_to(j, j->lines[k]))
				return NULL;
	return NULL;
}

// watch makes an epoll instance that waits for the eventfd in.
static int watch(struct job *j)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, j->in, &ev) < 0)
		j->error = errno;
	return ep;
}

static uint64_t await(struct job *j, int ep)
{
	struct epoll_event ev;

	while (epoll_wait(ep, &ev, 1, -1) != 1)
		;
	return take(j, j->in);
}

// pong_epoll answers pings as an event loop in C would.
static void *pong_epoll(void *arg)
{
	struct job *j = arg;
	int ep = watch(j);

	for (uint64_t i = 0; i < j->warm + j->n && !j->error; i++)
		if (!await(j, ep) || !add(j, j->out.fd))
			break;
	close(ep);
	return NULL;
}

// ping_epoll is ping for a thread that waits for the answer as pong_epoll waits.
static void *ping_epoll(void *arg)
{
	struct job *j = arg;
	int ep = watch(j);

	for (uint64_t i = 0; i < j->warm + j->n && !j->error; i++) {
		int64_t start = peer_now();

		if (!add(j, j->out.fd) || !await(j, ep))
			break;
		if (i >= j->warm)
			j->ns[i - j->warm] = peer_now() - start;
	}
	close(ep);
	return NULL;
}

int64_t peer_collect_epoll(int fd, uint64_t n)
{
	struct job j = { .in = fd };
	int ep = watch(&j);
	uint64_t sum = 0;

	while (sum < n && !j.error)
		sum += await(&j, ep);
	close(ep);
	return j.error ? -j.error : (int64_t)sum;
}

// fan_in_once opens the gates and reads what comes until all k have been read.
static uint64_t fan_in_once(struct job *j, int ep, int k, const int *gates, int ngates)
{
	struct epoll_event ready[128];
	uint64_t sum = 0;

	for (int i = 0; i < ngates; i++)
		if (!add(j, gates[i]))
			return 0;
	while (k > 0) {
		int n = epoll_wait(ep, ready, 128, -1);

		if (n < 0 && errno != EINTR) {
			j->error = errno;
			return 0;
		}
		for (int i = 0; i < n; i++, k--)
			sum += take(j, ready[i].data.fd);
		if (j->error)
			return 0;
	}
	return sum;
}

int64_t peer_fan_in(const int *fds, int k, const int *gates, int ngates, uint64_t times, uint64_t *sum)
{
	struct job j = { 0 };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t start;

	for (int i = 0; i < k; i++) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.fd = fds[i] };

		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) < 0)
			j.error = errno;
	}
	if (!j.error)
		fan_in_once(&j, ep, k, gates, ngates); // warm up
	start = peer_now();
	*sum = 0;
	for (uint64_t i = 0; i < times && !j.error; i++)
		*sum += fan_in_once(&j, ep, k, gates, ngates);
	start = peer_now() - start;
	close(ep);
	return j.error ? -j.error : start;
}

int64_t peer_adds(struct line line, uint64_t n)
{
	struct job j = { 0 };
	int64_t start = peer_busy();

	for (uint64_t i = 0; i < n; i++)
		if (!signal_to(&j, line))
			return -j.error;
	return peer_busy() - start;
}

int64_t peer_pairs(int fd, uint64_t n)
{
	struct job j = { 0 };
	int64_t start = peer_busy();

	for (uint64_t i = 0; i < n; i++)
		if (!add(&j, fd) || !take(&j, fd))
			return -j.error;
	return peer_busy() - start;
}

int64_t peer_opens(uint64_t n)
{
	int64_t start = peer_busy();

	for (uint64_t i = 0; i < n; i++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0 || close(fd) < 0)
			return -errno;
	}
	return peer_busy() - start;
}

static void *(*const loops[])(void *) = {
	ping, ping_epoll, flood, sweep, pong_epoll, ping_condition, pong_condition,
	flood_condition, paced, endure, endure_values,
};

// peer_thread blocks all signals around pthread_create, whose thread inherits
// that, as threads of a C library in a Go process should.
int peer_thread(pthread_t *thread, void *(*loop)(void *), void *arg)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(thread, NULL, loop, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

int peer_start(struct job *j, enum loop loop)
{
	return peer_thread(&j->thread, loops[loop], j);
}

void peer_join(struct job *j)
{
	pthread_join(j->thread, NULL);
}
