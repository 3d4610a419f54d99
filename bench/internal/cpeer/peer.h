// SPDX-License-Identifier: MIT
// The C side of the benchmarks; see doc.go.
#ifndef EVENTCHAN_BENCH_PEER_H
#define EVENTCHAN_BENCH_PEER_H

#include <pthread.h>
#include <stdint.h>

struct shared;

// How to signal: through the handle, or else by write(2) to the eventfd, or else
// by sending a value through the queue, or else by calling Go back.
struct line {
	void *handle;		// or NULL
	void *queue;		// of values of 16 bytes, or NULL
	int fd;			// or < 0
};

struct job {
	pthread_t thread;
	struct line out;
	int in;			// an eventfd
	struct line *lines;	// for sweep
	int nlines;
	uint64_t warm, n;	// round trips not timed and timed, or signals
	int64_t *ns;		// the n round trips, or signals
	int64_t gap;		// ns from one signal to the next, for paced
	int64_t busy;		// ns of CPU that paced took
	struct shared *shared;	// for threads that meet at a condition variable
	struct board *board;	// for endure, endure_values
	int *sizes;		// of the values of each queue of the board, for endure_values
	uint64_t accepted, late;	// signals of endure, values of endure_values
	uint64_t refused, squares;	// values of endure_values, and the sum of the squares of their numbers
	uint64_t sent;		// values of ping
	int error;
};

// Where threads find the handles that they signal or send through.
struct board {
	void **handles;		// n, written by peer_put, each NULL before
	uint32_t n;
	int stop;
};

// What two threads share that meet at a condition variable.
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t ping, pong;
	uint64_t pings, pongs;
};

enum loop {
	PING, PING_EPOLL, FLOOD, SWEEP, PONG_EPOLL, PING_CONDITION, PONG_CONDITION,
	FLOOD_CONDITION, PACED, ENDURE, ENDURE_VALUES
};

// Loops of threads that other files have than peer.c.
void *ping_condition(void *job);
void *pong_condition(void *job);
void *flood_condition(void *job);
void *endure(void *job);

int peer_start(struct job *j, enum loop loop);
void peer_join(struct job *j);

void peer_put(struct board *b, uint32_t place, void *handle);
void peer_stop(struct board *b);

// peer_pairs times n times write(2) and read(2) of an eventfd, in this thread.
int64_t peer_pairs(int fd, uint64_t n);

// peer_opens times n times eventfd(2) and close(2), in this thread.
int64_t peer_opens(uint64_t n);

// peer_adds times n times eventchan_add, or write(2) of an eventfd, in this thread.
int64_t peer_adds(struct line line, uint64_t n);

// peer_collect takes pings, as they come, until it has n, and returns the sum.
uint64_t peer_collect(struct shared *s, uint64_t n);

// peer_collect_epoll reads an eventfd, as its events come, until it has n.
int64_t peer_collect_epoll(int fd, uint64_t n);

// peer_fan_in times how often (times) all k eventfds are read, each after one write
// by the threads that wait at the gates, and adds up what was read.
int64_t peer_fan_in(const int *fds, int k, const int *gates, int ngates, uint64_t times, uint64_t *sum);

int64_t peer_now(void);

// peer_busy is how long this thread has had a CPU, as what never waits is timed.
int64_t peer_busy(void);

// peer_thread starts a thread that blocks all signals, and returns an errno or 0.
int peer_thread(pthread_t *thread, void *(*loop)(void *), void *arg);

// peer_random returns the next number of splitmix64.
uint64_t peer_random(uint64_t *state);

#endif
