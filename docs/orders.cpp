// SPDX-License-Identifier: MIT
// The memory orders of the protocol of handles and queues, each where it is needed;
// see "Memory orders" in protocol.md. Relacy (Debian: relacy-dev) runs each test in
// every interleaving, with every value that C++11 lets a load return:
//
//     g++ -std=c++11 -O1 -w -o orders orders.cpp
//     ./orders                   all orders as they are: no test fails
//     ./orders "push releases"   this one relaxed: a test fails
//     ./orders -list             names them
//
// Data that is not atomic is an rl::var: to access it without an order is an error.
// Where Go's side is stronger, as its atomics are sequentially consistent, the tests
// use the least that the page demands.
#include <relacy/relacy.hpp>

#include <unistd.h>

#include <cstring>

static const char *weakened = "";

static const char *const orders[] = {
	"add releases", "take acquires", "push releases", "exchange acquires", "answer releases", "ring acquires",
	"publish releases", "consume acquires", "head releases", "claim acquires",
};

static bool kept(const char *name) { return strcmp(weakened, name) != 0; }

static rl::memory_order releasing(const char *name) { return kept(name) ? rl::mo_release : rl::mo_relaxed; }
static rl::memory_order acquiring(const char *name) { return kept(name) ? rl::mo_acquire : rl::mo_relaxed; }

// compare_exchange stores what it finds in expected if it fails.
template <typename T>
static bool cas(rl::atomic<T> &a, T &expected, T value, rl::memory_order order)
{
	return a.compare_exchange_strong(expected, value, order, $, rl::mo_relaxed, $);
}

// What a thread wrote before it signaled is seen by the thread that takes the signal, even
// if another thread adds in between, and takes that back by a relaxed operation.
struct payload : rl::test_suite<payload, 3> {
	rl::atomic<unsigned> word;
	rl::var<int> data;

	void before() { word($) = 0; }

	void thread(unsigned index)
	{
		if (index == 0) {
			data($) = 1;
			word.fetch_add(1, releasing("add releases"), $);
		} else if (index == 1) {
			word.fetch_add(256, rl::mo_relaxed, $);
			word.fetch_sub(256, rl::mo_relaxed, $);
		} else {
			unsigned v = word.load(rl::mo_relaxed, $);

			if ((v & 1) && cas(word, v, v - 1, acquiring("take acquires")))
				RL_ASSERT(data($) == 1);
		}
	}
};

// What is written into next before a push is seen by the thread that takes the stack, for
// the slots below the top too, and even though QUIET is set by relaxed operations.
struct stack : rl::test_suite<stack, 3> {
	static const unsigned QUIET = 256;
	rl::atomic<unsigned> head;
	rl::var<unsigned> next[3];	// of slots 1 and 2

	void before() { head($) = 0; }

	void thread(unsigned index)
	{
		if (index == 0) {
			unsigned top = head.exchange(QUIET, acquiring("exchange acquires"), $) & ~QUIET;

			while (top) {
				RL_ASSERT(top < 3);
				top = next[top]($) & ~QUIET;
			}
			return;
		}
		unsigned h = head.load(rl::mo_relaxed, $);
		do
			next[index]($) = h;
		while (!cas(head, h, (h & QUIET) | index, releasing("push releases")));
		if (h & QUIET)
			return;
		h = (h & QUIET) | index;
		cas(head, h, h | QUIET, rl::mo_relaxed);
	}
};

// A slot is pushed again only after its next has been read: to clear RUNG releases
// the read, and to set it acquires, with the relaxed operation that sets RING in between.
struct again : rl::test_suite<again, 3> {
	static const unsigned RING = 1, RUNG = 2;
	rl::atomic<unsigned> word, head;
	rl::var<unsigned> next;

	void before()
	{
		word($) = RING;
		head($) = 0;
	}

	void thread(unsigned index)
	{
		unsigned ring = RING, h = 0;

		if (index == 0) {
			if (!head.exchange(0, rl::mo_acquire, $))
				return;
			RL_ASSERT(next($) == 0);
			word.fetch_and(~RUNG, releasing("answer releases"), $);
			word.fetch_or(RING, rl::mo_relaxed, $);
			return;
		}
		if (!cas(word, ring, RUNG, acquiring("ring acquires")))
			return;
		h = head.load(rl::mo_relaxed, $);
		do
			next($) = h;
		while (!cas(head, h, 1u, rl::mo_release));
	}
};

// A queue with one cell: a value is read after it was written, a cell is written again
// after it was read, and EAGAIN is true.
struct queue : rl::test_suite<queue, 3> {
	static const unsigned CELLS = 1, MASK = CELLS - 1;
	rl::atomic<unsigned> tail, head, state;
	rl::var<unsigned> value;

	void before()
	{
		tail($) = CELLS;
		head($) = CELLS;
		state($) = 1;
		value($) = 0;
	}

	void thread(unsigned index)
	{
		if (index == 0)
			consume();
		else
			send();
	}

	void send()
	{
		unsigned p = tail.load(rl::mo_relaxed, $), now, old;

		do {
			unsigned h;

			while (h = head.load(acquiring("claim acquires"), $), p - h > MASK) {
				now = tail.load(rl::mo_relaxed, $);
				if (now == p) {
					RL_ASSERT(p - h == CELLS);	// or it was not full
					return;
				}
				p = now;
			}
		} while (!cas(tail, p, p + 1, rl::mo_relaxed));
		value($) = p;
		old = p - MASK;
		RL_ASSERT(cas(state, old, p + 1, releasing("publish releases")));
	}

	void consume()
	{
		for (unsigned next = CELLS; next < CELLS + 2; next++) {
			if (state.load(acquiring("consume acquires"), $) != next + 1)
				return;
			RL_ASSERT(value($) == next);
			head.store(next + 1, releasing("head releases"), $);
		}
	}
};

// check ends the process if a test fails: Relacy cannot clean up after that.
template <typename Test>
static void check(const char *name)
{
	std::ostringstream silent;
	rl::test_params params;

	params.search_type = rl::sched_full;
	params.iteration_count = 100 * 1000 * 1000;	// more than there are
	params.output_stream = params.progress_stream = &silent;
	bool ok = rl::simulate<Test>(params);
	std::cout << name << ": " << (ok ? "holds" : rl::test_result_str(params.test_result)) << ", "
		  << params.stop_iteration << " executions" << std::endl;
	if (!ok)
		_exit(1);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-list")) {
		for (const char *name : orders)
			std::cout << name << std::endl;
		return 0;
	}
	if (argc > 1)
		weakened = argv[1];
	check<payload>("payload");
	check<stack>("stack");
	check<again>("again");
	check<queue>("queue");
}
