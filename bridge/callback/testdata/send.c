/* SPDX-License-Identifier: MIT */
/*
 * Tests the functions of eventchan.h that send, in C99 and C++11, with a queue whose
 * Go side is simulated here.
 *
 * Without arguments, it checks the result and the effects of each call. With the
 * argument "threads", threads send while a consumer receives, sleeps and closes; the
 * sanitizers run this too. With two arguments, it calls the function named first with
 * the kind of handle named second, which must abort the process.
 */
#include "eventchan.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

enum { CELLS = 4, MOST = 256, ERRNO = 4711, SENDERS = 3, ROUNDS = 500 };

#define CHECK(x) do { if (!(x)) { printf("line %d, size %u: not %s\n", __LINE__, slot.size, #x); exit(1); } } while (0)
#define LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define CAS(p, old, now) __atomic_compare_exchange_n(p, old, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

static struct eventchan slot;
static eventchan_atomic top;	/* of the doorbell's stack */
static int ends[2];		/* of the doorbell, a pipe */
static struct memory {
	struct eventchan_queue header;
	uint64_t cells[CELLS * (MOST + 16) / 8] __attribute__((aligned(16)));
} memory;

static eventchan_atomic *state(uint64_t p)
{
	char *cell = EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, memory.cells)) + (p % CELLS + 1) * slot.stride - 8;

	return EVENTCHAN_CAST(eventchan_atomic *, EVENTCHAN_CAST(void *, cell));
}

/* Make the queue empty, with a consumer that sleeps in the first cell. */
static void prepare(uint32_t size)
{
	uint32_t align = size % 16 ? 8 : 16;
	uint64_t p;

	memset(&memory, 0, sizeof memory);
	slot.word = EVENTCHAN_RING;
	slot.magic = EVENTCHAN_QUEUE_MAGIC;
	slot.index = 9;
	slot.fd = ends[1];
	slot.head = &top;
	slot.queue = &memory.header;
	slot.size = size;
	slot.stride = (size + 8 + align - 1) / align * align;
	slot.mask = CELLS - 1;
	slot.cells = EVENTCHAN_CAST(uint32_t, offsetof(struct memory, cells));
	top = 0;
	memory.header.tail = memory.header.head = CELLS;
	for (p = 0; p < CELLS; p++)
		*state(p) = p + 1;
	*state(0) |= EVENTCHAN_SLEEP;
}

/* Return how often the doorbell was rung since the last call. */
static int rings(void)
{
	uint64_t one;
	int n = 0, error = errno;

	while (read(ends[0], &one, sizeof one) > 0)
		n++;
	errno = error;
	return n;
}

static void calls(uint32_t size)
{
	struct eventchan *e = &slot;
	uint64_t ticket = 77, later = 0, i, word;
	unsigned char value[MOST];
	void *place = value, *behind = NULL;

	prepare(size);
	for (i = 0; i < size; i++)
		value[i] = EVENTCHAN_CAST(unsigned char, i + 1);
	errno = ERRNO;

	/* Invalid calls change nothing. */
	CHECK(eventchan_send(NULL, value, size) == EBADF);
	CHECK(eventchan_reserve(NULL, size, &place, &ticket) == EBADF);
	CHECK(eventchan_commit(NULL, 4) == EBADF);
	CHECK(eventchan_send(e, value, size - 1) == EINVAL);
	CHECK(eventchan_send(e, value, size + 1) == EINVAL);
	CHECK(eventchan_reserve(e, size + 1, &place, &ticket) == EINVAL);
	CHECK(place == value && ticket == EVENTCHAN_NO_TICKET);
	CHECK(eventchan_commit(e, ticket) == EBADF);
	CHECK(memory.header.tail == CELLS && slot.word == EVENTCHAN_RING);

	/* The first publication finds SLEEP and rings. */
	CHECK(eventchan_reserve(e, size, &place, &ticket) == 0);
	CHECK(ticket == CELLS);
	CHECK(EVENTCHAN_CAST(size_t, EVENTCHAN_CAST(char *, place) - EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, &memory))) % (size % 16 ? 8 : 16) == 0);
	CHECK(eventchan_reserve(e, size, &behind, &later) == 0);
	CHECK(later == CELLS + 1);
	memcpy(behind, value, size);
	CHECK(eventchan_commit(e, later) == 0);
	CHECK(slot.word == EVENTCHAN_RING && rings() == 0);
	memcpy(place, value, size);
	CHECK(eventchan_commit(e, ticket) == 0);
	CHECK(slot.word == (EVENTCHAN_RUNG | 1) && top == (EVENTCHAN_QUIET | 9) && rings() == 1);
	CHECK(*state(ticket) == ticket + 1);

	/* A ticket can be committed only once. */
	CHECK(eventchan_commit(e, ticket) == EBADF);
	CHECK(eventchan_commit(e, later) == EBADF);

	/* A full queue refuses. */
	CHECK(eventchan_send(e, value, size) == 0);
	CHECK(eventchan_send(e, value, size) == 0);
	CHECK(eventchan_send(e, value, size) == EAGAIN);
	place = value;
	CHECK(eventchan_reserve(e, size, &place, &later) == EAGAIN);
	CHECK(place == value && eventchan_commit(e, later) == EBADF);
	CHECK(memory.header.refused == 2 && memory.header.tail == 2 * CELLS);
	for (i = 0; i < CELLS; i++) {
		CHECK(*state(i) == i + CELLS + 1);
		CHECK(memcmp(EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, memory.cells)) + i * slot.stride, value, size) == 0);
	}

	/* A ticket is not valid in the next round, even if the consumer sleeps in that cell. */
	memory.header.head += 2;
	*state(0) |= EVENTCHAN_SLEEP;
	CHECK(eventchan_commit(e, CELLS) == EBADF);
	CHECK(*state(0) == (EVENTCHAN_SLEEP | (CELLS + 1)));

	/* A send succeeds even if the doorbell cannot be written to. */
	slot.word = EVENTCHAN_RING;
	top = slot.next = 0;
	slot.fd = -1;
	CHECK(eventchan_send(e, value, size) == 0);
	CHECK(slot.word == (EVENTCHAN_RUNG | 1));
	CHECK(errno == ERRNO);
	slot.fd = ends[1];

	/* If Close comes before a commit, the commit is refused and DISOWNED stays. */
	CHECK(eventchan_reserve(e, size, &place, &ticket) == 0);
	*state(ticket) |= EVENTCHAN_DISOWNED | EVENTCHAN_SLEEP;
	memory.header.tail |= EVENTCHAN_CLOSED;
	slot.word = word = EVENTCHAN_CLOSED;
	CHECK(eventchan_commit(e, ticket) == EBADF);
	CHECK(*state(ticket) == ((ticket - CELLS + 1) | EVENTCHAN_DISOWNED | EVENTCHAN_SLEEP));
	CHECK(eventchan_send(e, value, size) == EBADF);
	CHECK(eventchan_reserve(e, size, &place, &later) == EBADF);
	CHECK(eventchan_commit(e, later) == EBADF);

	/* A commit is refused after the cells were released to the system. */
	*state(ticket) = 0;
	CHECK(eventchan_commit(e, ticket) == EBADF);
	CHECK(*state(ticket) == 0);

	/* A publication before Close succeeds, even if its add comes after Close. */
	*state(ticket) = (ticket - CELLS + 1) | EVENTCHAN_SLEEP;
	CHECK(eventchan_commit(e, ticket) == 0);
	CHECK(slot.word == word && rings() == 0 && memory.header.refused == 2);
	CHECK(errno == ERRNO);
}

/* Threads. */

struct message { uint64_t sender, number, checks[2]; };

struct thread { pthread_t id; uint64_t self, told, order; };

static void *sending(void *arg)
{
	struct thread *t = EVENTCHAN_CAST(struct thread *, arg);
	struct message m = { t->self, 0, { 0, 0 } };
	void *place = NULL;
	uint64_t ticket = 0;
	int error;

	for (;;) {
		m.number++;
		m.checks[0] = m.checks[1] = m.number ^ ~m.sender;
		if (m.number % 3) {
			error = EVENTCHAN_SEND(&slot, m);
		} else if (!(error = eventchan_reserve(&slot, sizeof m, &place, &ticket))) {
			memcpy(place, &m, sizeof m);
			if (m.number % 2)
				sched_yield();
			error = eventchan_commit(&slot, ticket);
		}
		if (error == EBADF)
			return NULL;
		if (error == EAGAIN)
			sched_yield();
		else if (error)
			CHECK(error == 0);
		else
			t->told++;
	}
}

static uint64_t received[SENDERS + 1], next;

static int take(struct thread *threads, uint64_t end)
{
	struct message m;
	struct thread *t;
	int n = 0;

	for (; next < end; next++, n++) {
		if (LOAD(state(next)) != next + 1) {
			if (LOAD(state(next)) & EVENTCHAN_DISOWNED)
				continue;
			break;
		}
		memcpy(&m, EVENTCHAN_CAST(char *, EVENTCHAN_CAST(void *, memory.cells)) + next % CELLS * slot.stride, sizeof m);
		CHECK(m.sender >= 1 && m.sender <= SENDERS);
		CHECK(m.checks[0] == (m.number ^ ~m.sender) && m.checks[1] == m.checks[0]);
		t = &threads[m.sender - 1];
		CHECK(m.number > t->order);
		t->order = m.number;
		received[m.sender]++;
	}
	__atomic_store_n(&memory.header.head, next, __ATOMIC_RELEASE);
	return n;
}

/* Take all values and sleep in the next cell, as a Look of the Go side does. */
static int look(struct thread *threads)
{
	uint64_t old;
	int n = 0;

	do {
		__atomic_fetch_and(&slot.word, ~EVENTCHAN_COUNT, __ATOMIC_ACQ_REL);
		do {
			n += take(threads, UINT64_MAX);
			old = LOAD(state(next));
		} while (old == next + 1 || (!(old & EVENTCHAN_SLEEP) && !CAS(state(next), &old, old | EVENTCHAN_SLEEP)));
		old = LOAD(&slot.word);
		while (!(old & EVENTCHAN_COUNT) && !CAS(&slot.word, &old, old & EVENTCHAN_RUNG ? old : old | EVENTCHAN_RING))
			;
	} while (old & EVENTCHAN_COUNT);
	return n;
}

/* Be the consumer until enough values are taken. It looks when the slot is on the stack. */
static void consume(struct thread *threads, int enough)
{
	uint64_t epoch = 0, one, old;

	while (enough > 0) {
		epoch += UINT64_C(1) << 32;
		if (__atomic_exchange_n(&top, EVENTCHAN_QUIET | epoch, __ATOMIC_ACQ_REL) & EVENTCHAN_INDEX) {
			__atomic_fetch_and(&slot.word, ~EVENTCHAN_RUNG, __ATOMIC_ACQ_REL);
			enough -= look(threads);
		}
		old = EVENTCHAN_QUIET | epoch;
		if (enough > 0 && CAS(&top, &old, epoch))
			while (read(ends[0], &one, sizeof one) < 0)
				CHECK(errno == EAGAIN && sched_yield() == 0);
	}
}

static void threads_and_close(int enough)
{
	struct thread threads[SENDERS];
	uint64_t end, p, old;
	int i;

	prepare(sizeof(struct message));
	next = CELLS;
	memset(threads, 0, sizeof threads);
	memset(received, 0, sizeof received);
	for (i = 0; i < SENDERS; i++) {
		threads[i].self = EVENTCHAN_CAST(uint64_t, i + 1);
		CHECK(pthread_create(&threads[i].id, NULL, sending, &threads[i]) == 0);
	}
	consume(threads, enough);
	end = __atomic_fetch_or(&memory.header.tail, EVENTCHAN_CLOSED, __ATOMIC_ACQ_REL);
	for (p = next; p < end; p++)
		for (old = LOAD(state(p)); old != p + 1 && !CAS(state(p), &old, old | EVENTCHAN_DISOWNED); )
			;
	__atomic_exchange_n(&slot.word, EVENTCHAN_CLOSED, __ATOMIC_ACQ_REL);
	take(threads, end);
	CHECK(next == end);
	for (p = 0; p < CELLS; p++)	/* as if the cells were released to the system */
		__atomic_store_n(state(p), UINT64_C(0), __ATOMIC_RELEASE);
	for (i = 0; i < SENDERS; i++)
		CHECK(pthread_join(threads[i].id, NULL) == 0);
	for (i = 0; i < SENDERS; i++)
		CHECK(threads[i].told == received[i + 1]);
	for (p = 0; p < CELLS; p++)
		CHECK(*state(p) == 0);
	CHECK(slot.word == EVENTCHAN_CLOSED);
	rings();
}

/* Handles of the wrong kind. */

static struct eventchan before;

static void aborted(int sig)
{
	(void)sig;
	_exit(memcmp(&before, &slot, sizeof slot) == 0 && memory.header.tail == CELLS ? 7 : 8);
}

static void wrong(const char *call, const char *kind)
{
	const char value[8] = "";
	void *place;
	uint64_t ticket;

	prepare(sizeof value);
	if (strcmp(kind, "count") == 0)
		slot.magic = EVENTCHAN_MAGIC;
	else if (strcmp(kind, "version") == 0)
		slot.magic = EVENTCHAN_QUEUE_MAGIC ^ 0x300;
	else if (strcmp(kind, "zeros") == 0)
		slot.magic = 0;
	before = slot;
	signal(SIGABRT, aborted);
	if (strcmp(call, "signal") == 0)
		eventchan_signal(&slot);
	else if (strcmp(call, "add") == 0)
		eventchan_add(&slot, UINT64_C(1) << 40);
	else if (strcmp(call, "add 0") == 0)
		eventchan_add(&slot, 0);
	else if (strcmp(call, "send") == 0)
		eventchan_send(&slot, value, sizeof value);
	else if (strcmp(call, "send another size") == 0)
		eventchan_send(&slot, value, 1);
	else if (strcmp(call, "reserve") == 0)
		eventchan_reserve(&slot, sizeof value, &place, &ticket);
	else if (strcmp(call, "commit") == 0)
		eventchan_commit(&slot, CELLS);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1, 5, 8, 16, 24, 48, 100, MOST };
	size_t i;

	if (pipe(ends) || fcntl(ends[0], F_SETFL, O_NONBLOCK) || fcntl(ends[1], F_SETFL, O_NONBLOCK))
		return 2;
	if (argc > 2)
		wrong(argv[1], argv[2]);
	else if (argc > 1)
		for (i = 0; i < ROUNDS; i++)
			threads_and_close(EVENTCHAN_CAST(int, i % 60 + 1));
	else
		for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
			calls(sizes[i]);
	return 0;
}
