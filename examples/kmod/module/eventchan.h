/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/eventchan: what user space can ask of the module.
 *
 * This is the whole interface. A program opens /dev/eventchan and calls
 * ioctl(2) with the requests below; ../device does so from Go. Each open file
 * has its own sender and its own listener. Closing the file, even if that is because
 * the program was killed, stops both and drops every eventfd that the module holds.
 *
 * An eventfd is passed by its descriptor number. The module takes its own
 * reference to the counter behind that number, so it does not matter whether or when
 * user space closes the descriptor afterwards.
 *
 * Fields have fixed sizes and no holes: 32-bit and 64-bit programs see the same.
 */
#ifndef EVENTCHAN_H
#define EVENTCHAN_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Where a signal comes from: struct eventchan_signal.from */
#define EVENTCHAN_FROM_CALLER	0	/* now, in the process that asks */
#define EVENTCHAN_FROM_THREAD	1	/* from a kernel thread, in the background */
#define EVENTCHAN_FROM_TIMER	2	/* from an hrtimer, in interrupt context */

/* The shortest period_us: with less, the CPU would only handle interrupts. */
#define EVENTCHAN_MIN_PERIOD_US	5

struct eventchan_signal {
	__u64 count;		/* signals; ~0 goes on until stopped */
	__u32 from;		/* EVENTCHAN_FROM_* */
	__u32 period_us;	/* FROM_TIMER: time between two, otherwise 0 */
};

struct eventchan_listen {
	__s32 fd;		/* the eventfd to wait on, in the kernel */
	__s32 reply;		/* an eventfd to answer on, or -1 for none */
};

struct eventchan_stats {
	__u64 sent;		/* signals given to the attached eventfd... */
	__u64 sent_irq;		/* ...and those of them from interrupt context */
	__u64 received;		/* sum of the counts taken by the listener */
	__u64 wakeups;		/* how often it was woken for them */
	__u64 replied;		/* signals given to the reply eventfd */
	__u64 hangups;		/* 1: user space closed the eventfd listened to */
};

/*
 * Errors, for all of them: EBADF no such descriptor, EINVAL not an eventfd or a
 * bad field, EBUSY already in use, ENOTCONN nothing handed over, ENOTTY unknown.
 */
#define EVENTCHAN_MAGIC		0xEC
/* Hand over the eventfd to signal: the ioctl's argument is its number. */
#define EVENTCHAN_ATTACH	_IO(EVENTCHAN_MAGIC, 1)
/* Take it back: the senders have stopped when this returns. */
#define EVENTCHAN_DETACH	_IO(EVENTCHAN_MAGIC, 2)
/* Signal it. EBUSY while that thread or timer has signals of an earlier call left. */
#define EVENTCHAN_SIGNAL	_IOW(EVENTCHAN_MAGIC, 3, struct eventchan_signal)
/* Wait in the kernel on an eventfd that user space signals. */
#define EVENTCHAN_LISTEN	_IOW(EVENTCHAN_MAGIC, 4, struct eventchan_listen)
/* Stop waiting. Earlier signals are counted; unsent answers are dropped. */
#define EVENTCHAN_UNLISTEN	_IO(EVENTCHAN_MAGIC, 5)
/* Counters since the last ATTACH (sent) and LISTEN (the others). */
#define EVENTCHAN_STATS		_IOR(EVENTCHAN_MAGIC, 6, struct eventchan_stats)

#endif
