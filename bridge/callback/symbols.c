//go:build unix && !mips && !mipsle && (!arm || arm.7)

/* SPDX-License-Identifier: MIT */
/*
 * The functions of eventchan.h as linkable symbols, for C code that declares them
 * instead of including the header; and the callbacks whose addresses Go returns.
 */

/* The header defines these names as static functions, so rename those. */
#define eventchan_add eventchan_add_inline
#define eventchan_send eventchan_send_inline
#define eventchan_signal eventchan_signal_inline
#include "eventchan.h"
#undef eventchan_add
#undef eventchan_send
#undef eventchan_signal

#include "symbols.h"

int eventchan_add(void *handle, uint64_t n) { return eventchan_add_inline(handle, n); }

int eventchan_send(void *queue, const void *value, size_t size) { return eventchan_send_inline(queue, value, size); }

long eventchan_signal(void *handle)
{
	eventchan_signal_inline(handle);
	return 0;
}

/*
 * On some processors a callback receives integers and pointers in registers, and
 * floating-point arguments in other registers. There, a function can have more integer
 * parameters than it is called with arguments: the values of the rest are unspecified.
 */
#define ARGUMENTS uintptr_t a0, uintptr_t a1, uintptr_t a2, uintptr_t a3, uintptr_t a4, uintptr_t a5

static void send_args(void *queue, ARGUMENTS)
{
	const uintptr_t args[6] = { a0, a1, a2, a3, a4, a5 };

	if (eventchan_send_inline(queue, args, sizeof args) == EINVAL)
		eventchan_die("eventchan: callback.SendAt: the values of the queue are not callback.Args\n");
}

#define SIGNAL_AT(i) \
	static long signal_at_##i(ARGUMENTS) \
	{ \
		(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5; \
		return eventchan_signal((void *)a##i); \
	}

#define SEND_AT(i) \
	static long send_at_##i(ARGUMENTS) \
	{ \
		send_args((void *)a##i, a0, a1, a2, a3, a4, a5); \
		return 0; \
	}

SIGNAL_AT(1) SIGNAL_AT(2) SIGNAL_AT(3) SIGNAL_AT(4) SIGNAL_AT(5)
SEND_AT(0) SEND_AT(1) SEND_AT(2) SEND_AT(3) SEND_AT(4) SEND_AT(5)

typedef long function(ARGUMENTS);

static function *const signals[6] = { (function *)(void *)eventchan_signal, signal_at_1, signal_at_2, signal_at_3, signal_at_4, signal_at_5 };
static function *const sends[6] = { send_at_0, send_at_1, send_at_2, send_at_3, send_at_4, send_at_5 };

void *eventchan_go_signal_at(int i) { return (void *)signals[i]; }

void *eventchan_go_send_at(int i) { return (void *)sends[i]; }
