/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between kernels, all of them, so that the rest has no #if.
 *
 * A module is compiled for one kernel: names inside it are no stable interface
 * (only system calls are). Two that this module needs have changed.
 */
#ifndef EVENTCHAN_COMPAT_H
#define EVENTCHAN_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/version.h>

/* Adds 1 to the counter and wakes whoever waits. Never sleeps: fit for interrupts. */
static inline void eventchan_signal_one(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	/* No caller in the tree ever added anything but 1, so the argument went. */
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* A timer that counts from now and calls fn in interrupt context. */
static inline void
eventchan_timer_init(struct hrtimer *timer,
		     enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = fn;
#endif
}

#endif
