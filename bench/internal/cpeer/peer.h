// The C side of the benchmarks; see doc.go.
#ifndef EVENTCHAN_BENCH_PEER_H
#define EVENTCHAN_BENCH_PEER_H

#include <pthread.h>
#include <stdint.h>

struct shared;

struct job {
	pthread_t thread;
	int out, in;		// eventfds; out < 0: call Go back instead
	const int *fds;		// for sweep
	int nfds;
	uint64_t warm, n;	// round trips not timed and timed, or signals
	int64_t *ns;		// the n round trips
	struct shared *shared;	// for threads that meet at a condition variable
	int error;
};

// What two threads share who meet at a condition variable.
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t ping, pong;
	uint64_t pings, pongs;
};

enum loop {
	PING, PING_EPOLL, FLOOD, SWEEP, PONG_EPOLL, PING_CONDITION, PONG_CONDITION,
	FLOOD_CONDITION
};

int peer_start(struct job *j, enum loop loop);
void peer_join(struct job *j);

// peer_pairs times n times write(2) and read(2) of an eventfd, in this thread.
int64_t peer_pairs(int fd, uint64_t n);

// peer_collect takes pings, as they come, until it has n, and returns the sum.
uint64_t peer_collect(struct shared *s, uint64_t n);

int64_t peer_now(void);

#endif
