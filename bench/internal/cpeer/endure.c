// SPDX-License-Identifier: MIT

//go:build cgo && linux

#include "peer.h"

#include <errno.h>
#include <time.h>

#include "eventchan.h"

void peer_put(struct board *b, uint32_t place, void *handle)
{
	__atomic_store_n(&b->handles[place], handle, __ATOMIC_RELEASE);
}

void peer_stop(struct board *b)
{
	__atomic_store_n(&b->stop, 1, __ATOMIC_RELAXED);
}

uint64_t peer_random(uint64_t *state)	// splitmix64
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void tally(struct job *j, void *handle)
{
	int error = eventchan_add(handle, 1);

	if (error == 0)
		j->accepted++;
	else if (error == EBADF)
		j->late++;
	else
		j->error = error;
}

// endure signals through a handle of the board at a time: for an eighth of the time
// once, with a pause after it, in which all consumers and the doorbell go to sleep;
// else up to 128 times. Now and then it signals through one that was on the board
// before and is probably closed.
void *endure(void *arg)
{
	enum { OLD = 256, BURST = 128, PHASE = 10 * 1000 * 1000, PHASES = 8 };
	const struct timespec pause = { .tv_nsec = 20 * 1000 };
	struct job *j = arg;
	void *old[OLD] = { NULL };
	uint64_t seed = j->n;

	while (!__atomic_load_n(&j->board->stop, __ATOMIC_RELAXED) && !j->error) {
		uint64_t r = peer_random(&seed);
		int one_by_one = peer_now() / PHASE % PHASES == 0;
		void **was = &old[(r >> 8) % OLD];
		void *handle = __atomic_load_n(&j->board->handles[(r >> 32) % j->board->n], __ATOMIC_ACQUIRE);

		if (!handle)	// its goroutine has not run yet
			continue;
		for (uint64_t n = one_by_one ? 1 : r % BURST + 1; n > 0; n--)
			tally(j, handle);
		if (*was && r >> 16 & 1)
			tally(j, *was);
		if ((r >> 17) % 16 == 0)
			*was = handle;
		if (one_by_one)
			nanosleep(&pause, NULL);
	}
	return NULL;
}
