// SPDX-License-Identifier: MIT

//go:build cgo && linux

#include "peer.h"

static void meet_ping(struct shared *s)
{
	pthread_mutex_lock(&s->lock);
	s->pings++;
	pthread_cond_signal(&s->ping);
	while (s->pongs == 0)
		pthread_cond_wait(&s->pong, &s->lock);
	s->pongs--;
	pthread_mutex_unlock(&s->lock);
}

void *ping_condition(void *arg)
{
	struct job *j = arg;

	for (uint64_t i = 0; i < j->warm; i++)
		meet_ping(j->shared);
	for (uint64_t i = 0; i < j->n; i++) {
		int64_t start = peer_now();

		meet_ping(j->shared);
		j->ns[i] = peer_now() - start;
	}
	return NULL;
}

void *pong_condition(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->shared;

	for (uint64_t i = 0; i < j->warm + j->n; i++) {
		pthread_mutex_lock(&s->lock);
		while (s->pings == 0)
			pthread_cond_wait(&s->ping, &s->lock);
		s->pings--;
		s->pongs++;
		pthread_cond_signal(&s->pong);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

void *flood_condition(void *arg)
{
	struct job *j = arg;
	struct shared *s = j->shared;

	for (uint64_t i = 0; i < j->n; i++) {
		pthread_mutex_lock(&s->lock);
		s->pings++;
		pthread_mutex_unlock(&s->lock);
		pthread_cond_signal(&s->ping);
	}
	return NULL;
}

uint64_t peer_collect(struct shared *s, uint64_t n)
{
	uint64_t sum = 0;

	pthread_mutex_lock(&s->lock);
	while (sum < n) {
		while (s->pings == 0)
			pthread_cond_wait(&s->ping, &s->lock);
		sum += s->pings;
		s->pings = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return sum;
}
