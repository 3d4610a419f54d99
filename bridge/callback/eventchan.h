/* SPDX-License-Identifier: MIT */
/*
 * eventchan.h - signal a Go program, or send it values, from C or C++, without
 * calling Go
 *
 * A handle is what Handle() of a Notifier, Semaphore or Queue returns in Go. Any
 * thread of the process can add to it or send through it, with any locks held, in
 * a signal handler, in a real-time thread. A signal is one atomic addition, and a
 * value two compare-and-swaps and a copy. Only if the Go side sleeps, the thread
 * also pushes the handle on a list, and the first to do so does a write(2). No
 * lock is taken and nothing is allocated.
 *
 * A handle stays valid as long as the process lives: after Close, a signal does
 * nothing and a value is refused. It is good for this process only: what a child
 * adds or sends after fork(2) is lost. A pointer to anything else, or to a handle
 * of the other kind, ends the process with a message.
 *
 * This is the whole C side; docs/protocol.md of github.com/eventchan/eventchan
 * has the other side and says why this works. It needs C99 or C++11 and, since
 * these have no header of atomics in common, the builtins of gcc or clang.
 */
#ifndef EVENTCHAN_H
#define EVENTCHAN_H

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
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
#define EVENTCHAN_CAST(type, value) static_cast<type>(value)
#else
#define EVENTCHAN_CAST(type, value) ((type)(value))
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
	struct eventchan_queue *queue __attribute__((aligned(8)));	/* like all below, of a queue's handle only */
	uint32_t size __attribute__((aligned(8)));	/* of a value */
	uint32_t stride;	/* from cell to cell; a cell is a value and, in its last 8 bytes, its state */
	uint32_t mask;		/* the number of cells, a power of two, minus 1 */
	uint32_t cells;		/* the offset of the first one from queue */
} __attribute__((aligned(64)));	/* a cache line of its own */

/* What the senders of a queue change, in cache lines of their own. */
struct eventchan_queue {
	eventchan_atomic tail __attribute__((aligned(128)));	/* the next position to claim, and CLOSED */
	eventchan_atomic head __attribute__((aligned(128)));	/* written by Go: how many places were ever free again */
	eventchan_atomic refused __attribute__((aligned(128)));	/* how many sends found no place */
};

#define EVENTCHAN_MAGIC		UINT64_C(0x65766368616e0101)	/* "evchan", version 1, a count */
#define EVENTCHAN_QUEUE_MAGIC	UINT64_C(0x65766368616e0102)	/* the same, a queue */

#define EVENTCHAN_CLOSED	(UINT64_C(1) << 63)	/* too late */
#define EVENTCHAN_RING		(UINT64_C(1) << 62)	/* the Go side sleeps: make it RUNG, and ring */
#define EVENTCHAN_HELD		(UINT64_C(1) << 61)	/* the Go side's own affair */
#define EVENTCHAN_RUNG		(UINT64_C(1) << 60)	/* the Go side is going to look */
#define EVENTCHAN_COUNT		(EVENTCHAN_RUNG - 1)
/* Nothing is added to more than this. What is in flight then carries into no flag. */
#define EVENTCHAN_FULL		(UINT64_C(1) << 59)

#define EVENTCHAN_QUIET		(UINT64_C(1) << 63)	/* no need to write(2) */
#define EVENTCHAN_INDEX		UINT64_C(0xffffffff)	/* of the handle pushed last */

/* The state of a cell is the position that was last published in it, and these. */
#define EVENTCHAN_SLEEP		(UINT64_C(1) << 63)	/* the Go side sleeps until the next publication here */
#define EVENTCHAN_DISOWNED	(UINT64_C(1) << 62)	/* Close came first: nothing will be received from here */

#define EVENTCHAN_COLD static __attribute__((noinline, cold, unused))

EVENTCHAN_COLD __attribute__((noreturn)) void eventchan_die(const char *reason)
{
	while (write(STDERR_FILENO, reason, strlen(reason)) < 0 && errno == EINTR)
		;
	abort();
}

/* To add to anything but a handle would corrupt it. */
EVENTCHAN_COLD __attribute__((noreturn)) void eventchan_refuse(uint64_t magic)
{
	eventchan_die((magic ^ EVENTCHAN_MAGIC) >> 16
		? "eventchan: called with a pointer that is not a handle; is the handle another argument of the callback?\n"
		: "eventchan: called with a handle of another kind, or of another version than this eventchan.h\n");
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
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, handle);
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

/* eventchan_signal_ok - eventchan_signal for callbacks that return an int, of which 0 means success */
static inline int eventchan_signal_ok(void *handle)
{
	(void)eventchan_add(handle, 1);
	return 0;
}

/* What a send returns that cannot even try; or e is not a queue's handle. Inline: gcc has to see that it is not 0. */
static inline int eventchan_send_rare(const struct eventchan *e)
{
	if (e && e->magic != EVENTCHAN_QUEUE_MAGIC)
		eventchan_refuse(e->magic);
	return e ? EINVAL : EBADF;
}

/* The cell of position p. It begins with the value. */
static inline char *eventchan_cell(const struct eventchan *e, uint64_t p)
{
	return EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, e->queue)) + e->cells + EVENTCHAN_CAST(size_t, p & e->mask) * e->stride;
}

/* Claim a position, whose cell nothing else will write to. */
static inline int eventchan_claim(struct eventchan_queue *q, uint64_t mask, uint64_t *p)
{
	uint64_t now;

	*p = __atomic_load_n(&q->tail, __ATOMIC_RELAXED);
	do {
		/* Acquire: what was in the cell was read before this thread writes there. */
		while (!(*p & EVENTCHAN_CLOSED) && *p - __atomic_load_n(&q->head, __ATOMIC_ACQUIRE) > mask) {
			now = __atomic_load_n(&q->tail, __ATOMIC_RELAXED);
			if (now == *p) {
				__atomic_fetch_add(&q->refused, 1, __ATOMIC_RELAXED);
				return EAGAIN;
			}
			*p = now; /* the position was older than head */
		}
		if (*p & EVENTCHAN_CLOSED)
			return EBADF;
	} while (!__atomic_compare_exchange_n(&q->tail, p, *p + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

/*
 * Have the processor fetch a cell that is soon to be written, from the cache of the
 * Go side's, while it writes others. For x86-64 the builtin would fetch it for
 * reading, unless the compiler is told of an instruction that all of them accept.
 */
static inline void eventchan_prefetch(const char *cell, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += 64)
#ifdef __x86_64__
		__asm__ volatile("prefetchw %0" : : "m"(cell[i]));
#else
		__builtin_prefetch(cell + i, 1);
#endif
}

#define EVENTCHAN_AHEAD 16

/* Publish a cell: one operation does it, sees whether the Go side sleeps, and whether Close came. */
static inline int eventchan_publish(struct eventchan *e, char *cell, uint64_t p)
{
	eventchan_atomic *state = EVENTCHAN_CAST(eventchan_atomic *, EVENTCHAN_CAST(void *, cell + e->stride - sizeof *state));
	const uint64_t last = p - e->mask;	/* what the last round left there */
	uint64_t old = last;

	while (!__atomic_compare_exchange_n(state, &old, p + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		if ((old & ~EVENTCHAN_SLEEP) != last)
			return EBADF;
	if (__builtin_expect(old != last, 0)) {
		old = __atomic_fetch_add(&e->word, 1, __ATOMIC_ACQ_REL);
		if (old & (EVENTCHAN_CLOSED | EVENTCHAN_RING))
			eventchan_added(e, 1, old);
	}
	return 0;
}

/*
 * eventchan_send - send a value: size bytes, which are copied
 *
 * It returns 0: the value will be received, exactly once, and after what this
 * thread has sent before. Otherwise it is never received: EAGAIN (the queue is
 * full), EBADF (the Go side has closed, or queue is NULL) or EINVAL (the values
 * of the queue have another size). errno stays as it is.
 */
static inline int eventchan_send(void *queue, const void *value, size_t size)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, queue);
	uint64_t p;
	char *cell;
	int error;

	if (__builtin_expect(!e || e->magic != EVENTCHAN_QUEUE_MAGIC || e->size != size, 0))
		return eventchan_send_rare(e);
	error = eventchan_claim(e->queue, e->mask, &p);
	if (__builtin_expect(error, 0))
		return error;
	cell = eventchan_cell(e, p);
	eventchan_prefetch(eventchan_cell(e, p + EVENTCHAN_AHEAD), e->stride);
	memcpy(cell, value, size);
	return eventchan_publish(e, cell, p);
}

/*
 * eventchan_reserve - reserve a place, where a value is written without a copy
 *
 * It returns 0 and the place, or as eventchan_send does. The place is aligned to
 * 16 bytes if size is a multiple of 16, and otherwise to 8. Commit soon: what was
 * reserved later is received later.
 */
static inline int eventchan_reserve(void *queue, size_t size, void **value, uint64_t *ticket)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, queue);
	int error;

	if (__builtin_expect(!e || e->magic != EVENTCHAN_QUEUE_MAGIC || e->size != size, 0))
		return eventchan_send_rare(e);
	error = eventchan_claim(e->queue, e->mask, ticket);
	if (!error)
		*value = eventchan_cell(e, *ticket);
	return error;
}

/*
 * eventchan_commit - send what was written to a reserved place
 *
 * It returns 0, or EBADF if Close came first: then the value is never received.
 */
static inline int eventchan_commit(void *queue, uint64_t ticket)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, queue);

	if (__builtin_expect(!e || e->magic != EVENTCHAN_QUEUE_MAGIC, 0))
		return eventchan_send_rare(e);
	return eventchan_publish(e, eventchan_cell(e, ticket), ticket);
}

/* EVENTCHAN_SEND - send a variable, with its size */
#define EVENTCHAN_SEND(queue, lvalue) eventchan_send((queue), &(lvalue), sizeof(lvalue))

#ifdef __cplusplus
}
#endif
#endif /* EVENTCHAN_H */
