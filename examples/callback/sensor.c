// SPDX-License-Identifier: MIT

//go:build linux && cgo

#include "sensor.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct sensor {
	pthread_t thread;
	pthread_mutex_t lock;
	sensor_callback ready;
	void *user;
	int count, taken, read;
};

static void *measure(void *arg)
{
	sensor *s = arg;

	for (int i = 0; i < s->count; i++) {
		usleep(200);
		pthread_mutex_lock(&s->lock);
		s->taken++;
		pthread_mutex_unlock(&s->lock);
		s->ready(s->user);
	}
	return NULL;
}

sensor *sensor_start(int count, sensor_callback ready, void *user)
{
	sensor *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->ready = ready;
	s->user = user;
	s->count = count;
	if (pthread_create(&s->thread, NULL, measure, s)) {
		free(s);
		return NULL;
	}
	return s;
}

int sensor_read(sensor *s, int *sample)
{
	int some;

	pthread_mutex_lock(&s->lock);
	some = s->read < s->taken;
	if (some)
		*sample = s->read++; // the samples of this sensor are 0, 1, 2 ...
	pthread_mutex_unlock(&s->lock);
	return some;
}

void sensor_stop(sensor *s)
{
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
