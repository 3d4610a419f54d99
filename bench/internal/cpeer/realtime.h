// SPDX-License-Identifier: MIT
// A C thread that calls back at a steady pace, as an audio server does.
#ifndef EVENTCHAN_BENCH_REALTIME_H
#define EVENTCHAN_BENCH_REALTIME_H

#include <pthread.h>
#include <stdint.h>

// A block is 64 floats of audio. The benchmark's has the number of the block in the
// first and in the last of its words.
struct block {
	uint64_t words[32];
};

struct periodic {
	pthread_t thread;
	void *handle;		// is signaled for each block, or NULL
	void *queue;		// else is sent each block, or NULL; else Go is called
	int fifo;		// whether to run under SCHED_FIFO
	int64_t period;		// ns
	uint64_t periods;
	uint64_t calls;		// of the callback
	uint64_t missed;	// periods at whose end there had been no callback
	int64_t *ns;		// how long each call took; has room for one per period
	int error;
};

// periodic_start starts the thread and returns an errno or 0. The thread's own error
// is in the struct, after periodic_join.
int periodic_start(struct periodic *p);
void periodic_join(struct periodic *p);

#endif
