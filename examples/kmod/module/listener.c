// SPDX-License-Identifier: GPL-2.0
/*
 * User space signals an eventfd and the kernel waits for it, without a thread
 * of its own, as KVM does for the doorbells of virtual machines.
 *
 * Each waiter for a file has an entry in that file's wait queue. select(2) and
 * epoll(7) add theirs by calling the file's poll method with a table, whose
 * function is called back with the queue. This file does the same. From then on a write(2) to
 * the eventfd calls the wake function, in the writer's context, with the queue's
 * spinlock held and interrupts off. The wake function must be quick, must not sleep, and must
 * not signal an eventfd: an eventfd that is signaled from another's wake-up could signal
 * itself again, so the kernel refuses (6.1 with a warning and a lost signal).
 * Therefore the wake function only takes the count, and a work item answers later, in process
 * context.
 *
 * eventfd_ctx_do_read() requires exactly the lock that is held when a wake function is
 * called. That makes taking the count atomic with respect to every other reader.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched.h>

#include "compat.h"
#include "core.h"

/* Takes the whole count (of a semaphore, 1). The queue's lock must be held. */
static u64 take_locked(struct listener *l)
{
	u64 count;

	eventfd_ctx_do_read(l->ctx, &count);
	atomic64_add(count, &l->received);
	if (l->reply)
		atomic64_add(count, &l->owed);
	return count;
}

static u64 take(struct listener *l)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&l->queue->lock, flags);
	count = take_locked(l);
	spin_unlock_irqrestore(&l->queue->lock, flags);
	return count;
}

/* Called for each write(2), in the writer's context, under the queue's lock. */
static int listener_wake(struct wait_queue_entry *entry, unsigned int mode,
			 int sync, void *key)
{
	struct listener *l = container_of(entry, struct listener, entry);
	__poll_t events = key_to_poll(key);

	if (events & EPOLLIN) {
		atomic64_inc(&l->wakeups);
		if (take_locked(l))
			queue_work(system_unbound_wq, &l->work);
	}
	/* The last descriptor is closed. The counter stays, because the listener holds it too. */
	if (events & EPOLLHUP)
		atomic64_inc(&l->hangups);
	return 0;
}

/* The eventfd's poll method calls this with the queue in which to wait. */
static void listener_queue(struct file *file, wait_queue_head_t *queue,
			   poll_table *table)
{
	struct listener *l = container_of(table, struct listener, table);

	l->queue = queue;
	add_wait_queue(queue, &l->entry);
}

static void reply_all(struct listener *l)
{
	u64 owed = atomic64_xchg(&l->owed, 0);

	for (; owed && !READ_ONCE(l->stopping); owed--) {
		atomic64_inc(&l->replied);
		eventchan_signal_one(l->reply);
		cond_resched();
	}
}

/*
 * Answers, and takes what no wake-up has taken: the count from before the listener
 * was added, and the permits of a semaphore, of which each wake-up takes only one.
 */
static void listener_work(struct work_struct *work)
{
	struct listener *l = container_of(work, struct listener, work);

	do {
		reply_all(l);
		cond_resched();
	} while (!READ_ONCE(l->stopping) && take(l));
}

static void listener_reset(struct listener *l)
{
	l->stopping = false;
	atomic64_set(&l->owed, 0);
	atomic64_set(&l->received, 0);
	atomic64_set(&l->wakeups, 0);
	atomic64_set(&l->replied, 0);
	atomic64_set(&l->hangups, 0);
}

static int listener_open(struct listener *l, struct file *file, int reply)
{
	if (reply >= 0) {
		l->reply = eventchan_hold(eventfd_ctx_fdget(reply));
		if (IS_ERR(l->reply))
			return PTR_ERR(l->reply);
	}
	l->ctx = eventchan_hold(eventfd_ctx_fileget(file));
	listener_reset(l);
	/* From here on listener_wake() can run, on any CPU. */
	if (vfs_poll(file, &l->table) & EPOLLIN)
		queue_work(system_unbound_wq, &l->work);
	return 0;
}

void listener_init(struct listener *l)
{
	INIT_WORK(&l->work, listener_work);
	init_waitqueue_func_entry(&l->entry, listener_wake);
	init_poll_funcptr(&l->table, listener_queue);
}

int listener_start(struct listener *l, const struct eventchan_listen *what)
{
	struct file *file;
	int err;

	if (l->ctx)
		return -EBUSY;
	file = eventfd_fget(what->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	l->reply = NULL;
	err = listener_open(l, file, what->reply);
	/* Keep the counter and not the file, so that its close is still seen as a hang-up. */
	fput(file);
	return err;
}

int listener_stop(struct listener *l)
{
	u64 count;

	if (!l->ctx)
		return -ENOTCONN;
	WRITE_ONCE(l->stopping, true);
	/* Takes the rest and leaves the queue, both under the lock. */
	eventfd_ctx_remove_wait_queue(l->ctx, &l->entry, &count);
	atomic64_add(count, &l->received);
	cancel_work_sync(&l->work);
	eventchan_drop(l->ctx);
	if (l->reply)
		eventchan_drop(l->reply);
	l->ctx = NULL;
	return 0;
}

void listener_stats(struct listener *l, struct eventchan_stats *stats)
{
	stats->received = atomic64_read(&l->received);
	stats->wakeups = atomic64_read(&l->wakeups);
	stats->replied = atomic64_read(&l->replied);
	stats->hangups = atomic64_read(&l->hangups);
}
