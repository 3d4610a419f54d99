// SPDX-License-Identifier: MIT
// C threads that send values. Each value is some words: the number of the value, the
// number of its sender and, unless these are all of it, the number again at the end.
#ifndef EVENTCHAN_BENCH_VALUES_H
#define EVENTCHAN_BENCH_VALUES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

// An array under a mutex, with an eventchan handle that is signaled for the first value.
struct array {
	pthread_mutex_t lock;
	uint32_t n, capacity;
	char *filling, *taken;	// swapped by array_take
	void *handle;
};

enum route { TO_QUEUE, TO_ARRAY, TO_PIPE, TO_GO, ROUTES };

struct sender {
	pthread_t thread;
	void *queue;
	struct array *array;
	int pipe;
	uint64_t id;
	uint64_t n, bursts;	// values per burst
	int gate, over;		// eventfds: a burst begins, a burst is over; or < 0
	int64_t busy;		// ns of CPU that the bursts took
	int error;
};

// sender_start starts a thread that sends values of 16, 64 or 256 bytes.
int sender_start(struct sender *s, enum route route, size_t size);
void sender_join(struct sender *s);

struct array *array_new(uint32_t capacity, size_t size, void *handle);
void array_free(struct array *a);

// array_take returns how many values there were, and where they are until the next call.
uint32_t array_take(struct array *a, void **values);

// endure_values is a loop of peer_start.
void *endure_values(void *job);

#endif
