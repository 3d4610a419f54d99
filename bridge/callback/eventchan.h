/* SPDX-License-Identifier: MIT */
/*
 * eventchan.h - signal a Go program from C or C++, without calling Go
 *
 * A handle is what Handle() of a Notifier or Semaphore returns in Go. Any thread
 * of the process may add to it, holding whatever locks, in a signal handler, in
 * a real-time thread. That is one atomic addition; only if the Go side sleeps,
 * one of those who add does a write(2). No lock is taken, nothing is allocated.
 *
 * A handle stays valid for ever: after Close, adding does nothing. It is good for
 * this process only: what a child adds after fork(2) is lost.
 *
 * This is the whole C side; docs/protocol.md of github.com/eventchan/eventchan
 * has the other side and says why this works. The __atomic builtins of gcc and
 * clang are used since C++ before C++23 has no <stdatomic.h>. C11 or C++11.
 */
#ifndef EVENTCHAN_H
#define EVENTCHAN_H

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a handle points to. Go knows these offsets. */
struct eventchan {
	uint64_t word;		/* a count and three flags */
	uint32_t users;		/* of doorbell: its owner, and who is about to ring */
	int32_t doorbell;	/* an eventfd, whose value means nothing; never changes */
	uint64_t reserved[6];
} __attribute__((aligned(64)));	/* a cache line of its own */

#define EVENTCHAN_CLOSED	(UINT64_C(1) << 63)	/* too late */
#define EVENTCHAN_RING		(UINT64_C(1) << 62)	/* who clears this must ring */
#define EVENTCHAN_HELD		(UINT64_C(1) << 61)	/* the Go side's own affair */
#define EVENTCHAN_COUNT		(EVENTCHAN_HELD - 1)
/* Nobody adds to more than this. What is in flight then carries into no flag. */
#define EVENTCHAN_FULL		(UINT64_C(1) << 60)

static_assert(offsetof(struct eventchan, word) == 0, "eventchan: layout");
static_assert(offsetof(struct eventchan, users) == 8, "eventchan: layout");
static_assert(offsetof(struct eventchan, doorbell) == 12, "eventchan: layout");
static_assert(sizeof(struct eventchan) == 64, "eventchan: layout");
/* An atomic that is a hidden lock would exclude neither Go nor a signal handler. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* in C, gcc finds this not constant enough */
static_assert(__atomic_always_lock_free(sizeof(uint64_t), 0),
	      "eventchan: this target has no 64-bit atomics without a lock");
#pragma GCC diagnostic pop

#define EVENTCHAN_COLD static __attribute__((noinline, cold, unused))

EVENTCHAN_COLD void eventchan_ring(struct eventchan *e)
{
	const uint64_t one = 1;
	uint32_t users;
	int error = errno;

	/*
	 * Many saw RING; who clears it rings for all. Clear first: the Go side
	 * may wake by the write and set RING for its next sleep, which to clear
	 * without ringing would be to sleep through the next signal.
	 */
	if (!(__atomic_fetch_and(&e->word, ~EVENTCHAN_RING, __ATOMIC_ACQ_REL) & EVENTCHAN_RING))
		return;

	/*
	 * Close must not wait for us, nor may we write to a number that is a
	 * stranger's by now. So the last user closes it, and 0 users is for good:
	 * then Close has looked at the count itself.
	 */
	users = __atomic_load_n(&e->users, __ATOMIC_RELAXED);
	do {
		if (users == 0)
			return;
	} while (!__atomic_compare_exchange_n(&e->users, &users, users + 1, 1,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));

	/* With RING cleared, do not die in write(2) of a pthread_cancel(3). */
#ifdef PTHREAD_CANCEL_DISABLE	/* or else there is none: Android */
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
#endif
	/* EAGAIN is fine: then the eventfd, being at its maximum, is readable. */
	while (write(e->doorbell, &one, sizeof one) < 0 && errno == EINTR)
		;
	if (__atomic_fetch_sub(&e->users, 1, __ATOMIC_ACQ_REL) == 1)
		close(e->doorbell);
#ifdef PTHREAD_CANCEL_DISABLE
	pthread_setcancelstate(cancel, &cancel);
#endif
	errno = error;
}

/* What is left to do when n was added to old, and old was full or had a flag. */
EVENTCHAN_COLD int eventchan_added(struct eventchan *e, uint64_t n, uint64_t old)
{
	if (old & EVENTCHAN_CLOSED) {
		/* Nobody looks any more, but the sum would carry into CLOSED one day. */
		__atomic_fetch_sub(&e->word, n, __ATOMIC_RELAXED);
		return EBADF;
	}
	if ((old & EVENTCHAN_COUNT) >= EVENTCHAN_FULL) {
		/*
		 * Take n back, unless the Go side took it meanwhile, as Close does
		 * too, or made room. With less than FULL + n there, what is taken
		 * back may be another's n, and that other was told 0.
		 */
		uint64_t now = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

		while ((now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n)
			if (__atomic_compare_exchange_n(&e->word, &now, now - n, 1,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED))
				return EAGAIN;
	}
	if (old & EVENTCHAN_RING)
		eventchan_ring(e);
	return 0;
}

/* Add an n that is 0, or too large to be added before looking; or e is NULL. */
EVENTCHAN_COLD int eventchan_add_rare(struct eventchan *e, uint64_t n)
{
	uint64_t old, count;

	if (n == 0)
		return 0;
	if (!e)
		return EBADF;
	old = __atomic_load_n(&e->word, __ATOMIC_ACQUIRE);
	do {
		if (old & EVENTCHAN_CLOSED)
			return EBADF;
		count = old & EVENTCHAN_COUNT;
		if (count > EVENTCHAN_FULL || n > EVENTCHAN_FULL - count)
			return EAGAIN;
	} while (!__atomic_compare_exchange_n(&e->word, &old, old + n, 1,
					      __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	if (old & EVENTCHAN_RING)
		eventchan_ring(e);
	return 0;
}

/*
 * eventchan_add - add n signals, or release n permits
 *
 * 0, EBADF (the Go side has closed, or the handle is NULL) or EAGAIN (there are
 * 2^60 not taken yet); except for 0, nothing was added. errno stays as it is.
 * What was written before is seen by the goroutine that takes the signals.
 */
static inline int eventchan_add(void *handle, uint64_t n)
{
	struct eventchan *e = (struct eventchan *)handle;
	uint64_t old;

	/* No more than 32 bits: 2^28 threads at once cannot bring FULL to HELD. */
	if (__builtin_expect(!e || n - 1 >= UINT32_MAX, 0))
		return eventchan_add_rare(e, n);
	/* One step adds and sees whether somebody sleeps: no order to get wrong. */
	old = __atomic_fetch_add(&e->word, n, __ATOMIC_ACQ_REL);
	if (__builtin_expect((old & ~EVENTCHAN_HELD) < EVENTCHAN_FULL, 1))
		return 0;
	return eventchan_added(e, n, old);
}

/* eventchan_signal - add one signal; for use as a callback, with the handle as its data */
static inline void eventchan_signal(void *handle)
{
	(void)eventchan_add(handle, 1);
}

#ifdef __cplusplus
}
#endif
#endif /* EVENTCHAN_H */
