/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two halves of an open /dev/eventchan, shared by the module's own files.
 *
 * device.c serializes all calls for one open file with a mutex. The thread, timer, wake
 * function and work item that run concurrently use only atomics and
 * the eventfd references, and are stopped before those references are dropped.
 */
#ifndef EVENTCHAN_CORE_H
#define EVENTCHAN_CORE_H

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "eventchan.h"

struct eventfd_ctx;

/* sender.c: the kernel signals, user space waits. */
struct sender {
	struct eventfd_ctx *ctx;	/* NULL: nothing attached */
	struct task_struct *thread;	/* can have ended by itself */
	atomic64_t thread_left;		/* signals that it still has to give */
	struct hrtimer timer;
	atomic64_t timer_left;
	ktime_t period;		/* of the timer */
	atomic64_t sent;
	atomic64_t sent_irq;
};

void sender_init(struct sender *s);
int sender_attach(struct sender *s, int fd);
int sender_detach(struct sender *s);
int sender_signal(struct sender *s, const struct eventchan_signal *how);
void sender_stats(struct sender *s, struct eventchan_stats *stats);

/* listener.c: user space signals, the kernel waits. */
struct listener {
	struct eventfd_ctx *ctx;	/* NULL: not listening */
	struct eventfd_ctx *reply;	/* NULL: only counts */
	struct wait_queue_head *queue;	/* inside *ctx: its waiters */
	struct wait_queue_entry entry;	/* this listener's place in that queue */
	struct poll_table_struct table;
	struct work_struct work;
	bool stopping;
	atomic64_t owed;		/* answers not yet sent */
	atomic64_t received;
	atomic64_t wakeups;
	atomic64_t replied;
	atomic64_t hangups;
};

void listener_init(struct listener *l);
int listener_start(struct listener *l, const struct eventchan_listen *what);
int listener_stop(struct listener *l);
void listener_stats(struct listener *l, struct eventchan_stats *stats);

/* device.c: eventfd references, counted so that user space can see a leak. */
struct eventfd_ctx *eventchan_hold(struct eventfd_ctx *ctx);
void eventchan_drop(struct eventfd_ctx *ctx);

#endif
