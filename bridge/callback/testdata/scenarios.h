/* SPDX-License-Identifier: MIT */
/* The scenarios that steps.c explores. A slot whose word is 0 has no consumer. */
static const struct scenario {
	const char *name;
	struct { uint64_t word, enough; } slots[SLOTS];	/* enough: the count that the consumer waits for; 0 for any */
	struct {
		body *body;
		int slot;
		uint64_t n;
		int times;
		bool stops;	/* can stop forever at any step */
		bool refused;	/* write(2) is refused to it */
	} threads[THREADS];
} scenarios[] = {
	{ "sleep", {{ASLEEP}}, {{doorbell}, {adds, 0, 1, 1}, {adds, 0, 20, 1}, {adds, 0, 300, 1}} },
	{ "two handles", {{ASLEEP}, {ASLEEP}}, {{doorbell}, {adds, 0, 1, 2}, {adds, 1, 20, 2}} },
	{ "a thread stops", {{ASLEEP}, {ASLEEP}}, {{doorbell}, {adds, 0, 1, 1, true}, {adds, 1, 20, 2}} },
	{ "a thread of three stops", {{ASLEEP}, {ASLEEP}, {ASLEEP}},
	  {{doorbell}, {adds, 0, 1, 1, true}, {adds, 1, 20, 1}, {adds, 2, 300, 1}} },
	{ "a write is refused", {{ASLEEP}, {ASLEEP}}, {{doorbell}, {adds, 0, 1, 1, .refused = true}, {adds, 1, 20, 2}} },
	{ "a waiter gives up", {{ASLEEP}, {ASLEEP}}, {{doorbell}, {adds, 0, 1, 1}, {adds, 0, 20, 1}, {adds, 1, 300, 1}, {rearms, 0}} },
	{ "full", {{FULL - 1}}, {{adds, 0, 1, 1}, {adds, 0, 1, 1}, {adds, 0, 1, 1}, {takes, 0}} },
	{ "full, untaken", {{FULL - 1}}, {{adds, 0, 1, 2}, {adds, 0, 1, 1}, {adds, 0, 1, 1}} },
	{ "full, asleep", {{(FULL - 1) | ASLEEP}}, {{doorbell}, {adds, 0, 1, 2}, {adds, 0, 1, 1}} },
	{ "full, for permits", {{FULL | ASLEEP}}, {{adds, 0, 2, 1}, {adds, 0, FULL, 1}, {takes, 0}, {closes, 0}} },
	{ "permits", {{ASLEEP, 2}}, {{doorbell}, {adds, 0, 1, 2}, {adds, 0, 2, 1}} },
	{ "large", {{ASLEEP}}, {{doorbell}, {adds, 0, 1ULL << 32, 1}, {adds, 0, 1, 1}, {takes, 0}} },
	{ "close", {{ASLEEP}}, {{doorbell}, {adds, 0, 1, 1}, {adds, 0, 1ULL << 40, 1}, {closes, 0}} },
	{ "close one of two", {{ASLEEP}, {ASLEEP}}, {{doorbell}, {adds, 0, 1, 1}, {adds, 1, 20, 1}, {closes, 0}} },
};
