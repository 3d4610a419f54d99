/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All differences between kernels are here, so that the other files have no #if.
 *
 * A module is compiled for one kernel: the names inside it are not a stable interface
 * (only system calls are). Two that this module needs have changed.
 */
#ifndef EVENTCHAN_COMPAT_H
#define EVENTCHAN_COMPAT_H

#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/version.h>

/* Adds 1 to the counter and wakes all waiters. Never sleeps, so interrupts can call it. */
static inline void eventchan_signal_one(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	/* The argument was removed, because all callers in the kernel added 1. */
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
