/* SPDX-License-Identifier: MIT */
/*
 * eventchan.h - signal a Go program from C or C++, without calling Go
 *
 * A handle is what Handle() of a Notifier or Semaphore returns in Go. Any thread
 * of the process can add to it, with any locks held, in a signal handler, in a
 * real-time thread. That is one atomic addition. Only if the Go side sleeps, the
 * thread also pushes the handle on a list, and the first to do so does a
 * write(2). No lock is taken and nothing is allocated.
 *
 * A handle stays valid as long as the process lives: after Close, adding does
 * nothing. It is good for this process only: what a child adds after fork(2) is
 * lost. A pointer to anything else ends the process with a message.
 *
 * This is the whole C side; docs/protocol.md of github.com/eventchan/eventchan
 * has the other side and says why this works. It needs C99 or C++11 and, since
 * these have no header of atomics in common, the builtins of gcc or clang.
 */
#ifndef EVENTCHAN_H
#define EVENTCHAN_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * An atomic that is a hidden lock would exclude neither Go nor a signal handler.
 * For 386 clang says that it depends on the alignment, which is right here.
 */
#if __GCC_ATOMIC_LLONG_LOCK_FREE != 2 && !defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8)
#error "eventchan: this target has no 64-bit atomics without a lock"
#endif

#ifdef __cplusplus
extern "C" {
#define EVENTCHAN_OF(handle) static_cast<struct eventchan *>(handle)
#else
#define EVENTCHAN_OF(handle) ((struct eventchan *)(handle))
#endif

/* On 386 a uint64_t can have half the alignment that an atomic needs. */
typedef uint64_t eventchan_atomic __attribute__((aligned(8)));

/* What a handle points to. Go knows these offsets. */
struct eventchan {
	eventchan_atomic word;	/* a count and four flags */
	uint64_t magic;		/* EVENTCHAN_MAGIC; like all below, it never changes */
	uint64_t next;		/* except this: what was in the list before */
	uint32_t index;		/* names this handle in the list */
	int32_t fd;		/* write(2) to it wakes the Go side */
	eventchan_atomic *head;	/* of the list: QUIET, an epoch, an index */
	uint64_t reserved[3];
} __attribute__((aligned(64)));	/* a cache line of its own */

#define EVENTCHAN_MAGIC		UINT64_C(0x65766368616e0101)	/* "evchan", version 1, a count */

#define EVENTCHAN_CLOSED	(UINT64_C(1) << 63)	/* too late */
#define EVENTCHAN_RING		(UINT64_C(1) << 62)	/* the Go side sleeps: make it RUNG, and ring */
#define EVENTCHAN_HELD		(UINT64_C(1) << 61)	/* the Go side's own affair */
#define EVENTCHAN_RUNG		(UINT64_C(1) << 60)	/* the Go side is going to look */
#define EVENTCHAN_COUNT		(EVENTCHAN_RUNG - 1)
/* Nothing is added to more than this. What is in flight then carries into no flag. */
#define EVENTCHAN_FULL		(UINT64_C(1) << 59)

#define EVENTCHAN_QUIET		(UINT64_C(1) << 63)	/* no need to write(2) */
#define EVENTCHAN_INDEX		UINT64_C(0xffffffff)	/* of the handle pushed last */

#define EVENTCHAN_COLD static __attribute__((noinline, cold, unused))

/* To add to anything but a handle would corrupt it. */
EVENTCHAN_COLD void eventchan_refuse(uint64_t magic)
{
	const char *reason = (magic ^ EVENTCHAN_MAGIC) >> 16
		? "eventchan: signaled through a pointer that is not a handle; is the handle another argument of the callback?\n"
		: "eventchan: signaled through a handle of another kind, or of another version than this eventchan.h\n";

	while (write(STDERR_FILENO, reason, strlen(reason)) < 0 && errno == EINTR)
		;
	abort();
}

/* Turn RING into RUNG and have the Go side look; it sets no RING before it has done so. */
EVENTCHAN_COLD void eventchan_ring(struct eventchan *e)
{
	const uint64_t one = 1;
	uint64_t head, pushed, word = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
	int error = errno, cancel = 0;

	do {
		if (!(word & EVENTCHAN_RING))
			return; /* another thread rings, or the Go side woke */
	} while (!__atomic_compare_exchange_n(&e->word, &word, word ^ (EVENTCHAN_RING | EVENTCHAN_RUNG), 1,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));

	/* The Go side takes the whole list, so a head that comes again is the same list again. */
	head = __atomic_load_n(e->head, __ATOMIC_RELAXED);
	do {
		e->next = head;
		pushed = (head & ~EVENTCHAN_INDEX) | e->index;
	} while (!__atomic_compare_exchange_n(e->head, &head, pushed, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (head & EVENTCHAN_QUIET)
		return;

#ifdef PTHREAD_CANCEL_DISABLE /* which Android lacks, with pthread_cancel(3) */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
#endif
	/* EAGAIN is fine: the descriptor is full of writes that will wake the Go side. */
	while (write(e->fd, &one, sizeof one) < 0 && errno == EINTR)
		;
#ifdef PTHREAD_CANCEL_DISABLE
	pthread_setcancelstate(cancel, &cancel);
#endif
	errno = error;

	/*
	 * The write is done, so others of this epoch need none. QUIET before the
	 * write, or the first to push writing for all, would let one stopped thread
	 * silence every handle.
	 */
	head = __atomic_load_n(e->head, __ATOMIC_RELAXED);
	while (!((head ^ pushed) & ~EVENTCHAN_INDEX))
		if (__atomic_compare_exchange_n(e->head, &head, head | EVENTCHAN_QUIET, 1,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
}

/* What is left to do when n was added to old, and old was full or had a flag. */
EVENTCHAN_COLD int eventchan_added(struct eventchan *e, uint64_t n, uint64_t old)
{
	uint64_t now;

	if (old & EVENTCHAN_CLOSED) {
		/* Nothing looks any more, but the sum would carry into CLOSED one day. */
		__atomic_fetch_sub(&e->word, n, __ATOMIC_RELAXED);
		return EBADF;
	}
	if ((old & EVENTCHAN_COUNT) >= EVENTCHAN_FULL) {
		/*
		 * Take n back, unless the Go side took it in between, as Close does
		 * too, or made room. With less than FULL + n there, what is taken
		 * back may be another's n, for which 0 was returned.
		 */
		now = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
		while ((now & EVENTCHAN_COUNT) >= EVENTCHAN_FULL + n)
			if (__atomic_compare_exchange_n(&e->word, &now, now - n, 1,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED))
				return EAGAIN;
	}
	if (old & EVENTCHAN_RING)
		eventchan_ring(e);
	return 0;
}

/* Add an n that is 0, or too large to be added before looking; or e is not a handle. */
EVENTCHAN_COLD int eventchan_add_rare(struct eventchan *e, uint64_t n)
{
	uint64_t old, count;

	if (e && e->magic != EVENTCHAN_MAGIC)
		eventchan_refuse(e->magic);
	if (!e || n == 0)
		return n ? EBADF : 0;
	old = __atomic_load_n(&e->word, __ATOMIC_ACQUIRE);
	do {
		if (old & EVENTCHAN_CLOSED)
			return EBADF;
		count = old & EVENTCHAN_COUNT;
		if (count > EVENTCHAN_FULL || n > EVENTCHAN_FULL - count)
			return EAGAIN;
	} while (!__atomic_compare_exchange_n(&e->word, &old, old + n, 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	if (old & EVENTCHAN_RING)
		eventchan_ring(e);
	return 0;
}

/*
 * eventchan_add - add n signals, or release n permits
 *
 * It returns 0, EBADF (the Go side has closed, or handle is NULL) or EAGAIN (2^59
 * have not been taken yet); except for 0, nothing was added. errno stays as it is.
 * What was written before is seen by the goroutine that takes the signals.
 */
static inline int eventchan_add(void *handle, uint64_t n)
{
	struct eventchan *e = EVENTCHAN_OF(handle);
	uint64_t old;

	/* No more than 32 bits: 2^27 threads together cannot bring FULL to RUNG. */
	if (__builtin_expect(!e || e->magic != EVENTCHAN_MAGIC || n - 1 >= UINT32_MAX, 0))
		return eventchan_add_rare(e, n);
	/* One operation adds and sees whether the Go side sleeps: no order to get wrong. */
	old = __atomic_fetch_add(&e->word, n, __ATOMIC_ACQ_REL);
	if (__builtin_expect((old & ~(EVENTCHAN_HELD | EVENTCHAN_RUNG)) < EVENTCHAN_FULL, 1))
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
