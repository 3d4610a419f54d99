/*
 * Runs the code of eventchan.h, as it is, in every order that its steps can take
 * with those of other threads, a consumer and a Close, and looks for one that
 * breaks a promise. A step is an atomic operation or a system call. The threads
 * are coroutines: whoever is about to take a step first lets the search decide who
 * is next. Memory is sequentially consistent here. Give it the name of a scenario
 * to run that one alone.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
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
static int fake_close(int fd);
static int fake_cancelstate(int state, int *old);

#define write fake_write
#define close fake_close
#define pthread_setcancelstate fake_cancelstate
#define STEP(op, p, ...) ({ \
	step(#op " " #p); \
	uint64_t before_ = *(p); \
	__auto_type result_ = __atomic_##op(p, __VA_ARGS__); \
	changed(p, before_); \
	result_; })
#define __atomic_load_n(p, ...) STEP(load_n, p, __VA_ARGS__)
#define __atomic_fetch_add(p, ...) STEP(fetch_add, p, __VA_ARGS__)
#define __atomic_fetch_sub(p, ...) STEP(fetch_sub, p, __VA_ARGS__)
#define __atomic_fetch_and(p, ...) STEP(fetch_and, p, __VA_ARGS__)
#define __atomic_compare_exchange_n(p, ...) STEP(compare_exchange_n, p, __VA_ARGS__)
#include "eventchan.h"

#define FULL EVENTCHAN_FULL
#define ASLEEP (EVENTCHAN_RING | EVENTCHAN_HELD)
#define BELL 77 /* its descriptor */
#define MAX 5
#define ERRNO 4711

typedef void body(void);
static body adds, consumes, takes, closes;

static const struct scenario {
	const char *name;
	uint64_t word, enough;	/* of permits for the consumer; 0: he takes all there is */
	struct { body *body; uint64_t n; int times; } threads[MAX];
} scenarios[] = {
	{ "sleep", ASLEEP, 0, {{consumes}, {adds, 1, 1}, {adds, 20, 1}, {adds, 300, 1}} },
	{ "full", FULL - 1, 0, {{adds, 1, 1}, {adds, 1, 1}, {adds, 1, 1}, {takes}} },
	{ "close, large", ASLEEP, 0, {{adds, 1, 1}, {adds, 1ULL << 40, 1}, {closes}} },
	{ "permits", ASLEEP, 2, {{consumes}, {adds, 1, 2}, {adds, 2, 1}} },
	{ "full, for permits", FULL | ASLEEP, 0, {{adds, 2, 1}, {adds, FULL, 1}, {takes}, {closes}} },
	{ "full, untaken", FULL - 1, 0, {{adds, 1, 2}, {adds, 1, 1}, {adds, 1, 1}} },
	{ "close", ASLEEP, 0, {{consumes}, {adds, 1, 1}, {adds, 20, 1}, {closes}} },
	{ "large", ASLEEP, 0, {{consumes}, {adds, 1ULL << 32, 1}, {adds, 1, 1}, {takes}} },
	{ "full, asleep", (FULL - 1) | ASLEEP, 0, {{consumes}, {adds, 1, 2}, {adds, 1, 1}} },
	{ "sleep again", ASLEEP, 0, {{consumes}, {adds, 1, 3}, {adds, 20, 1}} },
};

/* The state of an execution. */
static const struct scenario *scenario;
static struct eventchan slot;
static bool rung, open, closed, over;
static uint64_t told, received;	/* what adds returned 0 for, what was taken */
static int sleeps, rings;

static struct thread {
	jmp_buf at;
	ucontext_t start;
	char stack[32768];
	bool (*blocked)(void);
	bool done, uncancelable, unseen;	/* unseen: has added, and nobody took since */
	int error;			/* its errno */
} threads[MAX];
static jmp_buf scheduler;
static int self, count;

/* The search: at its i-th step the execution took option pick[i] of options[i]. */
static int depth, known, pick[1000], options[1000];
static const char *trace[1000];
static int actor[1000];

static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%s: ", scenario->name);
	vprintf(format, args);
	printf("\nword %#llx, users %u, told %llu, received %llu; the steps were:\n",
	       (unsigned long long)slot.word, slot.users, (unsigned long long)told, (unsigned long long)received);
	for (int i = 0; i < depth; i++)
		printf("\tthread %d: %s\n", actor[i], trace[i]);
	exit(1);
}

static void leave(bool (*blocked)(void))
{
	threads[self].blocked = blocked;
	threads[self].error = errno;
	if (!_setjmp(threads[self].at))
		_longjmp(scheduler, 1);
	errno = threads[self].error;
}

static void step(const char *what)
{
	leave(NULL);
	trace[depth - 1] = what;
}

static void run(void)
{
	for (;;) {
		leave(NULL);
		scenario->threads[self].body();
		threads[self].done = true;
	}
}

/* Next returns who runs now, or -1 if nobody can. The one who ran goes on first. */
static int next(void)
{
	int able[MAX], n = 0;

	for (int i = 0; i < count; i++) {
		struct thread *t = &threads[(self + i) % count];

		if (!t->done && (!t->blocked || !t->blocked()))
			able[n++] = (int)(t - threads);
	}
	if (n == 0)
		return -1;
	if (depth == 1000)
		fail("no end");
	if (depth == known) {
		pick[known] = 0;
		options[known++] = n;
	}
	actor[depth] = able[pick[depth]];
	trace[depth] = "?";
	return actor[depth++];
}

static void resume(int who)
{
	self = who;
	if (!_setjmp(scheduler))
		_longjmp(threads[self].at, 1);
}

static void check(void);

static void execute(void)
{
	int who;

	slot = (struct eventchan){ .word = scenario->word, .users = 1, .doorbell = BELL };
	open = true;
	rung = closed = over = false;
	told = depth = self = rings = 0;
	sleeps = (slot.word & EVENTCHAN_RING) != 0;
	received = -(scenario->word & EVENTCHAN_COUNT); /* so that the sums agree */
	for (int i = 0; i < count; i++) {
		threads[i].done = threads[i].unseen = threads[i].uncancelable = false;
		threads[i].blocked = NULL;
	}
	for (int i = 0; i < count; i++)
		resume(i); /* up to its first step */
	while ((who = next()) >= 0)
		resume(who);
	check();
	over = true;
	for (int i = 0; i < count; i++)
		if (!threads[i].done)
			resume(i);
}

/* What other steps can see of a step: who added, and who has taken since. */
static void changed(const void *where, uint64_t old)
{
	if (where != &slot.word || (old & EVENTCHAN_CLOSED))
		return;
	if ((slot.word & EVENTCHAN_COUNT) > (old & EVENTCHAN_COUNT))
		threads[self].unseen = true;
	if ((slot.word & EVENTCHAN_COUNT) < (old & EVENTCHAN_COUNT))
		threads[self].unseen = false; /* took it back */
}

/* The kernel. */

static ssize_t fake_write(int fd, const void *from, size_t size)
{
	static bool interrupted;

	step("write");
	if (fd != BELL || !open)
		fail("write to a stranger's descriptor");
	if (size != 8 || *(const uint64_t *)from == 0)
		fail("the write is none that an eventfd takes");
	if (!threads[self].uncancelable)
		fail("pthread_cancel can end the thread in write");
	if (slot.users < 1)
		fail("write without a use");
	interrupted = !interrupted;
	if (!interrupted && ++rings > sleeps)
		fail("rung more often than the consumer fell asleep");
	errno = interrupted ? EINTR : EAGAIN;
	rung |= !interrupted;
	return interrupted ? -1 : 8;
}

static int fake_close(int fd)
{
	step("close");
	if (fd != BELL || !open)
		fail("close of a stranger's descriptor");
	if (!threads[self].uncancelable)
		fail("pthread_cancel can end the thread in close");
	open = rung = false;
	errno = EINTR;
	return -1;
}

static int fake_cancelstate(int state, int *old)
{
	*old = threads[self].uncancelable ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
	threads[self].uncancelable = state == PTHREAD_CANCEL_DISABLE;
	return 0;
}

/* The threads. */

static void adds(void)
{
	uint64_t n = scenario->threads[self].n;

	errno = ERRNO;
	for (int i = 0; i < scenario->threads[self].times; i++) {
		switch (eventchan_add(&slot, n)) {
		case 0:
			told += n;
			break;
		case EBADF:
			if (!closed)
				fail("EBADF before Close");
			break;
		case EAGAIN:
			if (n <= 300 && (scenario->word & EVENTCHAN_COUNT) + 300 < FULL)
				fail("EAGAIN though there is room");
			break;
		default:
			fail("neither 0, EBADF nor EAGAIN");
		}
		if (errno != ERRNO)
			fail("errno is changed");
		if (threads[self].uncancelable)
			fail("the thread cannot be cancelled any more");
	}
}

/* Take is what Go does in one step; it returns false if there is not enough. */
static bool take(uint64_t enough)
{
	uint64_t n = slot.word & EVENTCHAN_COUNT;

	if (n == 0 || n < enough)
		return false;
	n = enough ? enough : n;
	slot.word -= n;
	received += n;
	for (int i = 0; i < count; i++)
		threads[i].unseen = false;
	return true;
}

static bool quiet(void) { return !rung && !closed && !over; }

/* One who sleeps until the doorbell is rung, takes what there is, and so on. */
static void consumes(void)
{
	for (;;) {
		leave(quiet);
		if (closed || over)
			return;
		trace[depth - 1] = "reads the doorbell";
		rung = false;
		do {
			step("takes or sleeps");
			if (closed)
				return;
		} while (take(scenario->enough));
		sleeps += !(slot.word & EVENTCHAN_RING);
		slot.word |= ASLEEP;
	}
}

/* One who takes once, without sleeping. */
static void takes(void)
{
	step("takes");
	if (!closed)
		take(scenario->enough);
}

static void closes(void)
{
	step("closes");
	closed = true;
	take(0);
	slot.word = EVENTCHAN_CLOSED | EVENTCHAN_HELD;
	step("leaves");
	if (--slot.users == 0)
		open = rung = false;
}

static void check(void)
{
	uint64_t left = slot.word & EVENTCHAN_COUNT;
	bool consumer = scenario->threads[0].body == consumes;

	if (left > FULL)
		fail("more was added than there is room for");
	if (closed && left != 0)
		fail("there is a count after Close");
	if (told != received + left)
		fail("told is not what was received and what is left");
	if (slot.users != (closed ? 0 : 1))
		fail("wrong number of users");
	if (open == closed)
		fail(open ? "the doorbell is left open" : "the doorbell was closed too early");
	if (closed && slot.word != (EVENTCHAN_CLOSED | EVENTCHAN_HELD))
		fail("something stays in a closed word");
	if (closed || !consumer)
		return;
	if (left > 0 && left >= scenario->enough)
		fail("the consumer sleeps over a count");
	if (!(slot.word & EVENTCHAN_RING))
		fail("the consumer sleeps and nobody will ring");
	for (int i = 0; i < count && !scenario->enough; i++)
		if (threads[i].unseen)
			fail("the consumer slept through the add of thread %d", i);
}

static void search(void)
{
	long executions = 0;

	for (count = 0; count < MAX && scenario->threads[count].body; count++)
		;
	known = 0;
	do {
		execute();
		executions++;
		while (known > 0 && ++pick[known - 1] == options[known - 1])
			known--;
	} while (known > 0);
	printf("%s: %ld executions\n", scenario->name, executions);
}

int main(int argc, char **argv)
{
	bool found = false;

	for (self = 0; self < MAX; self++) {
		struct thread *t = &threads[self];

		getcontext(&t->start);
		t->start.uc_stack.ss_sp = t->stack;
		t->start.uc_stack.ss_size = sizeof t->stack;
		makecontext(&t->start, run, 0);
		if (!_setjmp(scheduler))
			setcontext(&t->start);
	}
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		scenario = &scenarios[i];
		if (argc > 1 && strcmp(argv[1], scenario->name))
			continue;
		found = true;
		search();
	}
	return found ? 0 : 2;
}
