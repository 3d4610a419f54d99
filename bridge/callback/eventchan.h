/* SPDX-License-Identifier: MIT */
/*
 * eventchan.h - signal a Go program, or send values to it, from C or C++ without
 * calling into Go
 *
 *	eventchan_add		add signals to a Notifier, or permits to a Semaphore
 *	eventchan_signal	add one; for use as a callback
 *	eventchan_signal_ok	the same, for callbacks that must return 0
 *	eventchan_send		send a value to a Queue
 *	EVENTCHAN_SEND		send a variable to a Queue
 *	eventchan_reserve	reserve a place for a value in a Queue
 *	eventchan_commit	send the value written to a reserved place
 *
 * A handle is the pointer returned by Handle() of a Notifier, Semaphore or Queue
 * in Go. Any thread of the process can pass it to these functions at any time:
 * while holding locks, in a signal handler, in a real-time thread. The functions
 * never block, take no lock, allocate no memory, leave errno unchanged and are not
 * cancellation points.
 *
 * A signal costs one atomic addition. A value costs two compare-and-swap
 * operations and a copy. If the Go side is asleep, the calling thread also pushes
 * the handle onto a list, and the first thread to do so calls write(2).
 *
 * A handle is valid until the process exits: after Close, signals have no effect
 * and values are refused. It is valid in one process only: signals and values from
 * a child created by fork(2) are lost, and such a child must not signal at all if
 * it closes descriptors that it has inherited. Nor must a thread with a descriptor
 * table of its own (unshare(2)). Where a sandbox refuses write(2) to a thread, what
 * that thread signals, and what others then signal to the same handle, can wait until
 * a thread signals another handle. If a function is called with a pointer to other
 * memory, or with a handle of the wrong kind, it writes a message to standard error
 * and calls abort(3).
 *
 * This header is the complete C side. docs/protocol.md in
 * github.com/eventchan/eventchan describes the Go side and explains why the
 * protocol is correct. The header requires C99 or C++11. It uses the __atomic
 * builtins of gcc and clang, because C and C++ before C++23 have no header for
 * atomic operations in common.
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
 * Atomic operations that use a hidden lock would not be atomic for Go, and would
 * deadlock in a signal handler. On 386, clang reports that they are lock-free only
 * if aligned, which they are here.
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

/* On 386, a uint64_t can have half the alignment that an atomic operation needs. */
typedef uint64_t eventchan_atomic __attribute__((aligned(8)));

/*
 * The slot that a handle points to. The Go side uses the same offsets. Only word
 * and next ever change.
 */
struct eventchan {
	eventchan_atomic word;	/* the state word: a count and four flags */
	uint64_t magic;		/* EVENTCHAN_MAGIC or EVENTCHAN_QUEUE_MAGIC */
	uint64_t next;		/* the head of the list when this slot was pushed */
	uint32_t index;		/* the number of this slot in the list */
	int32_t fd;		/* the doorbell: write(2) to it wakes the Go side */
	eventchan_atomic *head;	/* the head of the list: QUIET, an epoch and an index */
	struct eventchan_queue *queue __attribute__((aligned(8)));	/* from here on, queues only */
	uint32_t size __attribute__((aligned(8)));	/* of a value */
	uint32_t stride;	/* of the cells; a cell is a value and, in its last 8 bytes, its state */
	uint32_t mask;		/* the number of cells, a power of two, minus 1 */
	uint32_t cells;		/* the offset of the first cell from queue */
} __attribute__((aligned(64)));	/* a cache line of its own */

/* The variables that the senders of a queue share, each in cache lines of its own. */
struct eventchan_queue {
	eventchan_atomic tail __attribute__((aligned(128)));	/* the next position to claim, and CLOSED */
	eventchan_atomic head __attribute__((aligned(128)));	/* written by Go: positions less than head + mask + 1 are free to claim */
	eventchan_atomic refused __attribute__((aligned(128)));	/* the number of sends that found the queue full */
};

#define EVENTCHAN_MAGIC		UINT64_C(0x65766368616e0101)	/* "evchan", version 1, kind 1: a count */
#define EVENTCHAN_QUEUE_MAGIC	UINT64_C(0x65766368616e0102)	/* "evchan", version 1, kind 2: a queue */

/* The flags of a state word. */
#define EVENTCHAN_CLOSED	(UINT64_C(1) << 63)	/* the Go side has called Close */
#define EVENTCHAN_RING		(UINT64_C(1) << 62)	/* the Go side sleeps: turn this flag into RUNG, and ring */
#define EVENTCHAN_HELD		(UINT64_C(1) << 61)	/* used by the Go side only */
#define EVENTCHAN_RUNG		(UINT64_C(1) << 60)	/* the Go side is going to look at the count */
#define EVENTCHAN_COUNT		(EVENTCHAN_RUNG - 1)
/* An add that finds this count adds nothing, so adds in progress never carry into a flag. */
#define EVENTCHAN_FULL		(UINT64_C(1) << 59)

/* The head of the list. */
#define EVENTCHAN_QUIET		(UINT64_C(1) << 63)	/* write(2) is not needed: the Go side is awake, or a write is complete */
#define EVENTCHAN_INDEX		UINT64_C(0xffffffff)	/* of the slot that was pushed last */

/* The state of a cell is the position last published in it plus 1, and these flags. */
#define EVENTCHAN_SLEEP		(UINT64_C(1) << 63)	/* the Go side sleeps until this cell is published */
#define EVENTCHAN_DISOWNED	(UINT64_C(1) << 62)	/* Close came first: this cell is never received */
#define EVENTCHAN_NO_TICKET	(~UINT64_C(0))		/* no state but SLEEP is as large as the last of this position */

#define EVENTCHAN_COLD static __attribute__((noinline, cold, unused))

EVENTCHAN_COLD __attribute__((noreturn)) void eventchan_die(const char *reason)
{
	while (write(STDERR_FILENO, reason, strlen(reason)) < 0 && errno == EINTR)
		;
	abort();
}

/* Abort, because adding to anything but a handle would corrupt memory. */
EVENTCHAN_COLD __attribute__((noreturn)) void eventchan_refuse(uint64_t magic)
{
	eventchan_die((magic ^ EVENTCHAN_MAGIC) >> 16
		? "eventchan: called with a pointer that is not a handle; is the handle another argument of the callback?\n"
		: "eventchan: called with a handle of another kind, or of another version than this eventchan.h\n");
}

/*
 * Turn RING into RUNG and wake the Go side, which does not set RING again before it
 * has looked at the count.
 */
EVENTCHAN_COLD void eventchan_ring(struct eventchan *e)
{
	const uint64_t one = 1;
	uint64_t head, pushed, word = __atomic_load_n(&e->word, __ATOMIC_RELAXED);
	int error = errno, failure, cancel = 0;

	do {
		if (!(word & EVENTCHAN_RING))
			return; /* another thread rings, or the Go side woke up */
	} while (!__atomic_compare_exchange_n(&e->word, &word, word ^ (EVENTCHAN_RING | EVENTCHAN_RUNG), 1,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));

	/* No ABA problem: the Go side takes the whole list, so the same head means the same list. */
	head = __atomic_load_n(e->head, __ATOMIC_RELAXED);
	do {
		e->next = head;
		pushed = (head & ~EVENTCHAN_INDEX) | e->index;
	} while (!__atomic_compare_exchange_n(e->head, &head, pushed, 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (head & EVENTCHAN_QUIET)
		return;

#ifdef PTHREAD_CANCEL_DISABLE /* Android has neither this nor pthread_cancel(3) */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
#endif
	/* EAGAIN means that the doorbell is full of earlier writes, which wake the Go side. */
	do
		failure = write(e->fd, &one, sizeof one) < 0 ? errno : 0;
	while (failure == EINTR);
#ifdef PTHREAD_CANCEL_DISABLE
	pthread_setcancelstate(cancel, &cancel);
#endif
	errno = error;
	if (failure && failure != EAGAIN)
		return; /* perhaps a sandbox refuses the write to this thread alone */

	/*
	 * The write is complete, so other threads need none in this epoch. QUIET must
	 * not be set before the write, and each thread that finds no QUIET must write:
	 * otherwise one thread that is stopped here would silence every handle.
	 */
	head = __atomic_load_n(e->head, __ATOMIC_RELAXED);
	while (!((head ^ pushed) & ~EVENTCHAN_INDEX))
		if (__atomic_compare_exchange_n(e->head, &head, head | EVENTCHAN_QUIET, 1,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			break;
}

/* The slow path of eventchan_add, after n was added to old, which was full or had a flag. */
EVENTCHAN_COLD int eventchan_added(struct eventchan *e, uint64_t n, uint64_t old)
{
	uint64_t now;

	if (old & EVENTCHAN_CLOSED) {
		/* Nothing reads the count now, but repeated adds would overflow into CLOSED. */
		__atomic_fetch_sub(&e->word, n, __ATOMIC_RELAXED);
		return EBADF;
	}
	if ((old & EVENTCHAN_COUNT) >= EVENTCHAN_FULL) {
		/*
		 * Take n back, unless the Go side has taken it or made room since, as
		 * Close also does. With a count of less than FULL + n, subtracting n
		 * might take back another thread's n, for which 0 was returned.
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

/* The slow path of eventchan_add for an n that is 0 or large, or an e that is not a handle. */
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
 * eventchan_add - add n signals to a Notifier, or release n permits of a Semaphore
 *
 * Memory writes before the call are visible to the goroutine that receives the
 * signals or acquires the permits.
 *
 * RETURN VALUE
 *	0 on success. Otherwise nothing was added, and the result is
 *	EAGAIN	the count is at its maximum of about 2^59, or would exceed it;
 *	EBADF	the object was closed, or handle is NULL.
 */
static inline int eventchan_add(void *handle, uint64_t n)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, handle);
	uint64_t old;

	/* Only 32-bit values of n are added without a check: 2^27 threads cannot bring FULL to RUNG. */
	if (__builtin_expect(!e || e->magic != EVENTCHAN_MAGIC || n - 1 >= UINT32_MAX, 0))
		return eventchan_add_rare(e, n);
	/* One atomic operation adds n and finds out whether the Go side sleeps. */
	old = __atomic_fetch_add(&e->word, n, __ATOMIC_ACQ_REL);
	if (__builtin_expect((old & ~(EVENTCHAN_HELD | EVENTCHAN_RUNG)) < EVENTCHAN_FULL, 1))
		return 0;
	return eventchan_added(e, n, old);
}

/* eventchan_signal - add one signal; for use as a callback whose argument is the handle */
static inline void eventchan_signal(void *handle)
{
	(void)eventchan_add(handle, 1);
}

/* eventchan_signal_ok - eventchan_signal for callbacks that return an int; always returns 0 */
static inline int eventchan_signal_ok(void *handle)
{
	(void)eventchan_add(handle, 1);
	return 0;
}

/*
 * The result of a send that is not attempted; aborts if e is not a queue's handle.
 * Inline, so that gcc can see that the result is never 0.
 */
static inline int eventchan_send_rare(const struct eventchan *e)
{
	if (e && e->magic != EVENTCHAN_QUEUE_MAGIC)
		eventchan_refuse(e->magic);
	return e ? EINVAL : EBADF;
}

/* The cell of position p. A cell begins with the value. */
static inline char *eventchan_cell(const struct eventchan *e, uint64_t p)
{
	return EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, e->queue)) + e->cells + EVENTCHAN_CAST(size_t, p & e->mask) * e->stride;
}

/* Claim a position. No other thread writes to its cell. */
static inline int eventchan_claim(struct eventchan_queue *q, uint64_t mask, uint64_t *p)
{
	uint64_t now;

	*p = __atomic_load_n(&q->tail, __ATOMIC_RELAXED);
	do {
		/* Acquire: the Go side has read the old value before this thread overwrites it. */
		while (!(*p & EVENTCHAN_CLOSED) && *p - __atomic_load_n(&q->head, __ATOMIC_ACQUIRE) > mask) {
			now = __atomic_load_n(&q->tail, __ATOMIC_RELAXED);
			if (now == *p) {
				__atomic_fetch_add(&q->refused, 1, __ATOMIC_RELAXED);
				return EAGAIN;
			}
			*p = now; /* the position was out of date */
		}
		if (*p & EVENTCHAN_CLOSED)
			return EBADF;
	} while (!__atomic_compare_exchange_n(&q->tail, p, *p + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

/*
 * Prefetch a cell that will be written soon from the cache of the Go side's
 * processor. On x86-64, the builtin prefetches for reading unless the compiler may
 * use prefetchw, which all x86-64 processors accept.
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

/*
 * Publish a cell. One atomic operation publishes it and finds out whether the Go side
 * sleeps and whether Close came first.
 */
static inline int eventchan_publish(struct eventchan *e, char *cell, uint64_t p)
{
	eventchan_atomic *state = EVENTCHAN_CAST(eventchan_atomic *, EVENTCHAN_CAST(void *, cell + e->stride - sizeof *state));
	const uint64_t last = p - e->mask;	/* the state since the previous round */
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
 * eventchan_send - send a value of size bytes, which is copied
 *
 * RETURN VALUE
 *	0 on success: the value is received exactly once, and after the values
 *	that this thread sent earlier. Otherwise the value is never received, and
 *	the result is
 *	EAGAIN	the queue is full;
 *	EBADF	the queue was closed, or queue is NULL;
 *	EINVAL	size is not the size of the queue's values.
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
 * eventchan_reserve - reserve a place in the queue, to write a value there directly
 *
 * On success, *value points to size bytes that the caller fills in, and *ticket is to
 * be passed to eventchan_commit. The place is aligned to 16 bytes if size is a
 * multiple of 16, and to 8 bytes otherwise. Commit every place, and soon: values that
 * were reserved later are not received before this one.
 *
 * RETURN VALUE
 *	0 on success. Otherwise *value is unchanged, *ticket is one that
 *	eventchan_commit refuses, and the result is one of the errors of
 *	eventchan_send.
 */
static inline int eventchan_reserve(void *queue, size_t size, void **value, uint64_t *ticket)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, queue);
	int error;

	if (__builtin_expect(!e || e->magic != EVENTCHAN_QUEUE_MAGIC || e->size != size, 0))
		error = eventchan_send_rare(e);
	else
		error = eventchan_claim(e->queue, e->mask, ticket);
	if (__builtin_expect(error, 0))
		*ticket = EVENTCHAN_NO_TICKET;
	else
		*value = eventchan_cell(e, *ticket);
	return error;
}

/*
 * eventchan_commit - send the value written to a reserved place
 *
 * RETURN VALUE
 *	0 on success: the value is received exactly once. EBADF if the queue was
 *	closed first: the value is never received. Also EBADF if the ticket was
 *	committed before, or if queue is NULL.
 */
static inline int eventchan_commit(void *queue, uint64_t ticket)
{
	struct eventchan *e = EVENTCHAN_CAST(struct eventchan *, queue);

	if (__builtin_expect(!e || e->magic != EVENTCHAN_QUEUE_MAGIC, 0))
		return eventchan_send_rare(e);
	return eventchan_publish(e, eventchan_cell(e, ticket), ticket);
}

/* EVENTCHAN_SEND - eventchan_send of a variable and its size */
#define EVENTCHAN_SEND(queue, lvalue) eventchan_send((queue), &(lvalue), sizeof(lvalue))

#ifdef __cplusplus
}
#endif
#endif /* EVENTCHAN_H */
