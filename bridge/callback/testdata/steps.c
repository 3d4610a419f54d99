/* SPDX-License-Identifier: MIT */
/*
 * Runs the unmodified code of eventchan.h in every possible interleaving of its steps
 * with those of other threads, of the doorbell's goroutine and of Close, and reports
 * an interleaving that breaks a promise. A step is an atomic operation or a system
 * call.
 *
 * The threads are coroutines. Before each step, a coroutine returns to the search,
 * which decides which of them is next. The search saves and restores their complete
 * state, including the stacks, and continues from each distinct state once. Memory is
 * sequentially consistent here. With the name of a scenario as its argument, the
 * program runs only that one.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static void step(const char *what);
static void changed(const void *where, uint64_t old);
static ssize_t fake_write(int fd, const void *from, size_t size);
static int fake_cancelstate(int state, int *old);

#define write fake_write
#define pthread_setcancelstate fake_cancelstate
#define STEP(op, p, ...) ({ \
	step(#op " " #p); \
	uint64_t before_ = *(p); \
	__auto_type result_ = __atomic_##op(p, __VA_ARGS__); \
	changed(p, before_); \
	result_; })
#define __atomic_load_n(p, ...) STEP(load_n, p, __VA_ARGS__)
#define __atomic_exchange_n(p, ...) STEP(exchange_n, p, __VA_ARGS__)
#define __atomic_fetch_add(p, ...) STEP(fetch_add, p, __VA_ARGS__)
#define __atomic_fetch_sub(p, ...) STEP(fetch_sub, p, __VA_ARGS__)
#define __atomic_fetch_and(p, ...) STEP(fetch_and, p, __VA_ARGS__)
#define __atomic_fetch_or(p, ...) STEP(fetch_or, p, __VA_ARGS__)
#define __atomic_compare_exchange_n(p, ...) STEP(compare_exchange_n, p, __VA_ARGS__)
#include "eventchan.h"

#define FULL EVENTCHAN_FULL
#define ASLEEP (EVENTCHAN_RING | EVENTCHAN_HELD)
#define CLOSED (EVENTCHAN_CLOSED | EVENTCHAN_HELD)
#define ONE_EPOCH (EVENTCHAN_INDEX + 1)
#define BELL 77 /* the descriptor of the doorbell */
#define ERRNO 4711

enum { SLOTS = 3, THREADS = 5, STACK = 2048, DEPTH = 1000 };

typedef void body(void);
static body doorbell, adds, takes, rearms, closes;

#include "scenarios.h"

/* Everything that an execution can change, so that the search can restore it. */
static struct state {
	struct eventchan slots[SLOTS];
	uint64_t head, epoch;
	bool edge;		/* the doorbell was rung since its goroutine last woke */
	struct promise {
		uint64_t told, received;	/* the sums of the adds that returned 0, and of the takes */
		int sleeps, pushes;
		bool closed;
	} promises[SLOTS];
	struct thread {
		const char *about;	/* the step that comes next */
		bool done, uncancelable;
		bool unseen;		/* nothing was taken since this thread added */
		bool quiet;		/* the thread found QUIET when it pushed */
		bool interrupted;	/* the last write was interrupted */
		int error;		/* errno of the thread */
		char *top;		/* of the stack */
		jmp_buf at;
		char stack[STACK] __attribute__((aligned(16)));
	} threads[THREADS];
} now, saved[DEPTH];

static const struct scenario *scenario;
static jmp_buf scheduler;
static int self, count, depth;
static struct { int thread; const char *step; } trace[DEPTH];
static const char *failure;

#define ME (&now.threads[self])
#define MINE (scenario->threads[self])
#define SLOT (MINE.slot)

static void report(const char *what, int which)
{
	printf("%s: ", scenario->name);
	printf(what, which);
	printf("\nhead %#llx", (unsigned long long)now.head);
	for (int i = 0; i < SLOTS; i++)
		printf("; %d: word %#llx, told %llu, received %llu", i + 1, (unsigned long long)now.slots[i].word,
		       (unsigned long long)now.promises[i].told, (unsigned long long)now.promises[i].received);
	printf("; the steps were:\n");
	for (int i = 0; i < depth; i++)
		printf("\tthread %d: %s\n", trace[i].thread, trace[i].step);
	exit(1);
}

/* The threads. */

/* fail is for threads, because their stacks are too small for printf. */
static void fail(const char *what)
{
	failure = what;
	_longjmp(scheduler, 1);
}

static void step(const char *what)
{
	ME->about = what;
	ME->error = errno;
	ME->top = __builtin_frame_address(0);
	if (!_setjmp(ME->at))
		_longjmp(scheduler, 1);
	errno = ME->error;
}

static void run(void)
{
	step("begins");
	MINE.body();
	ME->done = true;
	step("has ended");
}

static void adds(void)
{
	struct promise *p = &now.promises[SLOT];

	errno = ERRNO;
	for (int i = 0; i < MINE.times; i++) {
		switch (eventchan_add(&now.slots[SLOT], MINE.n)) {
		case 0:
			p->told += MINE.n;
			break;
		case EBADF:
			if (!p->closed)
				fail("EBADF before Close");
			break;
		case EAGAIN:
			if (MINE.n <= 300 && (scenario->slots[SLOT].word & EVENTCHAN_COUNT) + 300 < FULL)
				fail("EAGAIN though there is room");
			break;
		default:
			fail("neither 0, EBADF nor EAGAIN");
		}
		if (errno != ERRNO)
			fail("errno is changed");
		if (ME->uncancelable)
			fail("the thread cannot be canceled any more");
	}
}

/* Take from the count in one step, as Go does. Return false if the count is too small. */
static bool take(int slot)
{
	uint64_t n = now.slots[slot].word & EVENTCHAN_COUNT, enough = scenario->slots[slot].enough;

	if (n == 0 || n < enough)
		return false;
	n = enough ? enough : n;
	now.slots[slot].word -= n;
	now.promises[slot].received += n;
	for (int i = 0; i < count; i++)
		if (scenario->threads[i].slot == slot)
			now.threads[i].unseen = false;
	return true;
}

/* Take as a waiter does until the count is too small, and then sleep. */
static void look(int slot)
{
	struct eventchan *e = &now.slots[slot];

	do {
		step("takes or sleeps");
		if (now.promises[slot].closed)
			return;
	} while (take(slot));
	now.promises[slot].sleeps += !(e->word & ASLEEP & EVENTCHAN_RING);
	e->word |= ASLEEP;
	if (e->word & EVENTCHAN_RUNG)
		e->word &= ~EVENTCHAN_RING;
}

/* The doorbell's goroutine; see hub.awake in internal/doorbell. */
static void doorbell(void)
{
	int ready[SLOTS], n, i;

	for (;;) {
		step("wakes");
		now.edge = false;
		do {
			step("takes the stack");
			now.epoch += ONE_EPOCH;
			n = 0;
			for (i = now.head & EVENTCHAN_INDEX; i; i = now.slots[i - 1].next & EVENTCHAN_INDEX) {
				if (n == SLOTS)
					fail("a handle is on the stack twice");
				ready[n++] = i - 1;
			}
			now.head = EVENTCHAN_QUIET | now.epoch;
			while (n > 0) {
				step("answers");
				now.slots[ready[--n]].word &= ~EVENTCHAN_RUNG;
				look(ready[n]);
			}
			step("falls asleep");
		} while (now.head != (EVENTCHAN_QUIET | now.epoch));
		now.head = now.epoch;
	}
}

/* A goroutine that takes once and never sleeps. */
static void takes(void)
{
	step("takes");
	if (!now.promises[SLOT].closed)
		take(SLOT);
}

/* A waiter gives up, and another one begins to wait. */
static void rearms(void)
{
	step("gives up");
	if (!now.promises[SLOT].closed)
		now.slots[SLOT].word &= ~ASLEEP;
	look(SLOT);
}

static void closes(void)
{
	step("closes");
	now.promises[SLOT].closed = true;
	now.promises[SLOT].received += now.slots[SLOT].word & EVENTCHAN_COUNT;
	now.slots[SLOT].word = CLOSED;
}

/* Check a change that a step has made to shared memory. */
static void changed(const void *where, uint64_t old)
{
	uint64_t count = now.slots[SLOT].word & EVENTCHAN_COUNT;

	if (where == &now.head && (old & ~now.head & EVENTCHAN_QUIET))
		fail("QUIET was lost");
	if (where == &now.head && ((now.head ^ old) & EVENTCHAN_INDEX)) {
		if (++now.promises[SLOT].pushes > now.promises[SLOT].sleeps)
			fail("pushed more often than the consumer fell asleep");
		ME->quiet = old & EVENTCHAN_QUIET;
	}
	if (where != &now.slots[SLOT].word || (old & EVENTCHAN_CLOSED))
		return;
	if (count > (old & EVENTCHAN_COUNT))
		ME->unseen = true;
	if (count < (old & EVENTCHAN_COUNT))
		ME->unseen = false; /* the thread has taken n back */
}

/* The kernel. Each write is interrupted once by a signal. */

static ssize_t fake_write(int fd, const void *from, size_t size)
{
	step("write");
	if (fd != BELL)
		fail("write to another descriptor");
	if (size != 8 || *(const uint64_t *)from == 0)
		fail("the write is not what an eventfd takes");
	if (!ME->uncancelable)
		fail("pthread_cancel can end the thread in write");
	if (ME->quiet)
		fail("written though QUIET was set");
	ME->interrupted = !ME->interrupted;
	errno = ME->interrupted ? EINTR : MINE.refused ? EPERM : EAGAIN;
	if (ME->interrupted || MINE.refused)
		return -1;
	now.edge = true;
	return 8;
}

static int fake_cancelstate(int state, int *old)
{
	*old = ME->uncancelable ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
	ME->uncancelable = state == PTHREAD_CANCEL_DISABLE;
	return 0;
}

/* The search. */

static bool has_doorbell(void) { return scenario->threads[0].body == doorbell; }

/* Check the promises for a slot when no thread can continue. */
static void check(int slot)
{
	const struct promise *p = &now.promises[slot];
	uint64_t word = now.slots[slot].word, left = word & EVENTCHAN_COUNT, enough = scenario->slots[slot].enough;

	if (left > FULL)
		report("the count is more than FULL", 0);
	if (p->closed && left != 0)
		report("the count is not 0 after Close", 0);
	if (p->told != p->received + left)
		report("the sum of successful adds is not the sum received and left", 0);
	if (p->closed && word != CLOSED)
		report("a closed word has other bits", 0);
	if (p->closed || !has_doorbell() || !scenario->slots[slot].word)
		return;
	if (left > 0 && left >= enough)
		report("the consumer of handle %d sleeps over a count", slot + 1);
	if (!(word & EVENTCHAN_RING))
		report("the consumer of handle %d sleeps and nothing will ring", slot + 1);
	for (int i = 0; i < count && !enough; i++)
		if (scenario->threads[i].slot == slot && now.threads[i].unseen)
			report("the consumer slept through the add of thread %d", i);
}

/*
 * Check all slots when no thread can continue. If one thread can, but might stop
 * forever, or its write was refused, check only the handles of the others.
 */
static void check_all(int stopped)
{
	for (int i = 0; i < count; i++)
		if (scenario->threads[i].refused)
			stopped = i;
	for (int i = 0; i < SLOTS; i++)
		if (stopped < 0 || i != scenario->threads[stopped].slot)
			check(i);
	if (stopped < 0 && has_doorbell() && (now.head & EVENTCHAN_INDEX))
		report("handle %d stays on the stack", (int)(now.head & EVENTCHAN_INDEX));
}

static uint64_t mix(uint64_t hash, const void *from, const void *to)
{
	uint64_t part;

	for (const char *p = from; p < (const char *)to; p += sizeof part) {
		memcpy(&part, p, sizeof part);
		hash = (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

static uint64_t *seen, states, room;

static void remember(uint64_t hash)
{
	uint64_t i = hash & (room - 1);

	while (seen[i])
		i = (i + 1) & (room - 1);
	seen[i] = hash;
}

/* Return whether the search is in this state for the first time. */
static bool first(void)
{
	uint64_t hash = mix(1, now.slots, now.threads), i, *old = seen;

	for (int t = 0; t < count; t++)
		hash = mix(mix(hash, &now.threads[t], now.threads[t].stack), now.threads[t].top, now.threads[t].stack + STACK);
	hash += !hash;
	for (i = hash & (room - 1); seen[i]; i = (i + 1) & (room - 1))
		if (seen[i] == hash)
			return false;
	if (2 * ++states > room) {
		room *= 2;
		if (!(seen = calloc(room, sizeof *seen)))
			abort();
		for (i = 0; i < room / 2; i++)
			if (old[i])
				remember(old[i]);
		free(old);
	}
	remember(hash);
	return true;
}

static void resume(int thread)
{
	self = thread;
	if (!_setjmp(scheduler))
		_longjmp(now.threads[thread].at, 1);
	if (failure)
		report(failure, 0);
}

static void search(void)
{
	int able[THREADS], n = 0, stopped = -1;

	for (int i = 0; i < count; i++)
		if (!now.threads[i].done && (strcmp(now.threads[i].about, "wakes") || now.edge))
			able[n++] = i;
	if (n == 1 && scenario->threads[able[0]].stops)
		stopped = able[0];
	if (n == 0 || stopped >= 0)
		check_all(stopped);
	if (depth == DEPTH)
		report("no end", 0);
	saved[depth] = now;
	for (int i = 0; i < n; i++) {
		trace[depth].thread = able[i];
		trace[depth].step = now.threads[able[i]].about;
		depth++;
		resume(able[i]);
		if (first())
			search();
		depth--;
		now = saved[depth];
	}
}

static void start(int thread)
{
	ucontext_t context;

	getcontext(&context);
	context.uc_stack.ss_sp = now.threads[thread].stack;
	context.uc_stack.ss_size = STACK;
	makecontext(&context, run, 0);
	self = thread;
	if (!_setjmp(scheduler))
		setcontext(&context);
}

static void explore(void)
{
	memset(&now, 0, sizeof now);
	for (int i = 0; i < SLOTS; i++) {
		now.slots[i] = (struct eventchan){ .word = scenario->slots[i].word, .magic = EVENTCHAN_MAGIC,
						   .index = (uint32_t)i + 1, .fd = BELL, .head = &now.head };
		now.promises[i].sleeps = (now.slots[i].word & EVENTCHAN_RING) != 0;
		now.promises[i].told = now.slots[i].word & EVENTCHAN_COUNT;
	}
	for (count = 0; count < THREADS && scenario->threads[count].body; count++)
		;
	for (int i = 0; i < count; i++) {
		start(i);
		resume(i); /* runs up to the first step */
	}
	room = 1 << 12;
	states = 0;
	free(seen);
	if (!(seen = calloc(room, sizeof *seen)))
		abort();
	depth = 0;
	search();
	printf("%s: %llu states\n", scenario->name, (unsigned long long)states);
}

int main(int argc, char **argv)
{
	bool found = false;

	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		scenario = &scenarios[i];
		if (argc > 1 && strcmp(argv[1], scenario->name))
			continue;
		found = true;
		explore();
	}
	return found ? 0 : 2;
}
