// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel signals an eventfd, from each kind of place in which kernel code runs:
 *
 *   - in process context, inside the system call of the program that asks;
 *   - from a kernel thread, which belongs to no program;
 *   - in interrupt context, in a timer's callback, which must not sleep. This is
 *     where a driver learns that its device has something for user space.
 *
 * The call is the same in all three, because eventfd_signal() only takes a
 * spinlock, adds 1 and wakes the waiters. It can neither fail nor wait: at
 * the counter's maximum the kernel drops further signals.
 *
 * Stopping is the hard part. The thread and the timer use *ctx and the code of this module, so
 * both must have ended, and not only have been asked to end, before *ctx is dropped or the
 * module is unloaded. kthread_stop() and hrtimer_cancel() return only then.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "core.h"

#ifdef EVENTCHAN_LOSE_ONE
/* In the mutant that the test must catch, the 1,500th of all signals is not given. */
static bool lost(void)
{
	static atomic_t nth = ATOMIC_INIT(0);

	return atomic_inc_return(&nth) == 1500;
}
#else
static bool lost(void)
{
	return false;
}
#endif

static void signal_one(struct sender *s)
{
	/* Count first, so that a program that has received the signal finds it in the statistics. */
	atomic64_inc(&s->sent);
	if (in_hardirq())
		atomic64_inc(&s->sent_irq);
	if (!lost())
		eventchan_signal_one(s->ctx);
}

/*
 * Takes one of the signals that are left. It is taken before the signal is given, so that a
 * program that has received the last signal never finds the sender busy.
 */
static bool take_one(atomic64_t *left)
{
	return atomic64_add_unless(left, -1, 0);
}

static int sender_thread(void *data)
{
	struct sender *s = data;

	while (!kthread_should_stop() && take_one(&s->thread_left)) {
		signal_one(s);
		cond_resched();
	}
	return 0;
}

static enum hrtimer_restart sender_timer(struct hrtimer *timer)
{
	struct sender *s = container_of(timer, struct sender, timer);

	if (!take_one(&s->timer_left))
		return HRTIMER_NORESTART;
	signal_one(s);
	/* From now and not from the last expiry, because a late timer must not run in bursts. */
	hrtimer_forward_now(timer, s->period);
	return HRTIMER_RESTART;
}

static void stop_thread(struct sender *s)
{
	if (!s->thread)
		return;
	kthread_stop(s->thread);
	put_task_struct(s->thread);
	s->thread = NULL;
	atomic64_set(&s->thread_left, 0);
}

static void stop_timer(struct sender *s)
{
	hrtimer_cancel(&s->timer);
	atomic64_set(&s->timer_left, 0);
}

static int run_thread(struct sender *s, u64 count)
{
	struct task_struct *thread;

	if (atomic64_read(&s->thread_left))
		return -EBUSY;
	stop_thread(s);
	thread = kthread_create(sender_thread, s, "eventchan");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	/* The thread can end before it is stopped, and kthread_stop() needs its task_struct. */
	s->thread = get_task_struct(thread);
	atomic64_set(&s->thread_left, count);
	wake_up_process(thread);
	return 0;
}

static int run_timer(struct sender *s, u64 count, u32 period_us)
{
	if (period_us < EVENTCHAN_MIN_PERIOD_US)
		return -EINVAL;
	if (atomic64_read(&s->timer_left))
		return -EBUSY;
	stop_timer(s);
	s->period = ns_to_ktime((u64)period_us * NSEC_PER_USEC);
	atomic64_set(&s->timer_left, count);
	hrtimer_start(&s->timer, s->period, HRTIMER_MODE_REL);
	return 0;
}

/* Gives all signals now, but stops if the program is being killed. */
static int signal_now(struct sender *s, u64 count)
{
	for (; count && !fatal_signal_pending(current); count--) {
		signal_one(s);
		cond_resched();
	}
	return 0;
}

void sender_init(struct sender *s)
{
	eventchan_timer_init(&s->timer, sender_timer);
}

int sender_attach(struct sender *s, int fd)
{
	struct eventfd_ctx *ctx;

	if (s->ctx)
		return -EBUSY;
	ctx = eventchan_hold(eventfd_ctx_fdget(fd));
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	s->ctx = ctx;
	atomic64_set(&s->sent, 0);
	atomic64_set(&s->sent_irq, 0);
	return 0;
}

int sender_detach(struct sender *s)
{
	if (!s->ctx)
		return -ENOTCONN;
	stop_thread(s);
	stop_timer(s);
	eventchan_drop(s->ctx);
	s->ctx = NULL;
	return 0;
}

int sender_signal(struct sender *s, const struct eventchan_signal *how)
{
	if (!s->ctx)
		return -ENOTCONN;
	switch (how->from) {
	case EVENTCHAN_FROM_CALLER:
		return signal_now(s, how->count);
	case EVENTCHAN_FROM_THREAD:
		return run_thread(s, how->count);
	case EVENTCHAN_FROM_TIMER:
		return run_timer(s, how->count, how->period_us);
	}
	return -EINVAL;
}

void sender_stats(struct sender *s, struct eventchan_stats *stats)
{
	stats->sent = atomic64_read(&s->sent);
	stats->sent_irq = atomic64_read(&s->sent_irq);
}
