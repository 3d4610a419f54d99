// SPDX-License-Identifier: GPL-2.0
/*
 * The classic demonstration, on current kernels: a module that gets a process id and
 * a descriptor number, and signals that process's eventfd when it is loaded:
 *
 *	insmod eventchan_pid.ko pid=1234 efd=5
 *	insmod eventchan_pid.ko pid=1234 efd=5 every_us=1000
 *
 * The first signals once; the second goes on every millisecond until rmmod. If the
 * process does not exist (ESRCH), the descriptor is not open (EBADF) or it is not an
 * eventfd (EINVAL), loading fails with that error.
 *
 * The demonstrations of 2010 call fcheck_files() and get_files_struct(), which have been
 * removed or are not exported. A module can still do what is done below. It needs no
 * permission; a program that wants the same uses pidfd_getfd(2), which checks permissions.
 * (It is even better to be given the descriptor, as /dev/eventchan is.)
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "eventchan.h"

static int pid;
module_param(pid, int, 0444);
MODULE_PARM_DESC(pid, "the process, as the one that loads the module numbers it");

static int efd = -1;
module_param(efd, int, 0444);
MODULE_PARM_DESC(efd, "the number of the eventfd's descriptor in that process");

static uint every_us;
module_param(every_us, uint, 0444);
MODULE_PARM_DESC(every_us, "go on signaling with this period (0: only once)");

static struct eventfd_ctx *target;
static struct hrtimer timer;

/*
 * A process's table of descriptors can be replaced or freed at any time. task_lock
 * keeps the task from dropping it, file_lock keeps its entries from being removed, and
 * get_file takes a reference to the file before both locks are released.
 */
static struct file *file_of_task(struct task_struct *task, int fd)
{
	struct file *file = ERR_PTR(-ESRCH);	/* a zombie has no table */

	task_lock(task);
	if (task->files) {
		spin_lock(&task->files->file_lock);
		file = files_lookup_fd_locked(task->files, fd);
		if (file)
			get_file(file);
		else
			file = ERR_PTR(-EBADF);
		spin_unlock(&task->files->file_lock);
	}
	task_unlock(task);
	return file;
}

static struct file *file_of_pid(int nr, int fd)
{
	struct pid *id = find_get_pid(nr);
	struct task_struct *task = get_pid_task(id, PIDTYPE_PID);
	struct file *file;

	put_pid(id);
	if (!task)
		return ERR_PTR(-ESRCH);
	file = file_of_task(task, fd);
	put_task_struct(task);
	return file;
}

static struct eventfd_ctx *eventfd_of_pid(int nr, int fd)
{
	struct file *file = file_of_pid(nr, fd);
	struct eventfd_ctx *ctx;

	if (IS_ERR(file))
		return ERR_CAST(file);
	ctx = eventfd_ctx_fileget(file);	/* EINVAL if it is another kind of file */
	fput(file);
	return ctx;
}

static ktime_t period(void)
{
	return ns_to_ktime((u64)every_us * NSEC_PER_USEC);
}

static enum hrtimer_restart signal_again(struct hrtimer *t)
{
	eventchan_signal_one(target);
	hrtimer_forward_now(t, period());
	return HRTIMER_RESTART;
}

/* finit_module(2) reports what init returns; if that is not 0, the module is not loaded. */
static int __init eventchan_pid_init(void)
{
	if (every_us && every_us < EVENTCHAN_MIN_PERIOD_US)
		return -EINVAL;
	target = eventfd_of_pid(pid, efd);
	if (IS_ERR(target))
		return PTR_ERR(target);
	eventchan_signal_one(target);
	eventchan_timer_init(&timer, signal_again);
	if (every_us)
		hrtimer_start(&timer, period(), HRTIMER_MODE_REL);
	return 0;
}

/*
 * Nothing holds this module while its timer runs, so exit stops the timer. Once hrtimer_cancel
 * has returned, no callback is running or going to run, so neither the counter nor this code
 * is needed any more.
 */
static void __exit eventchan_pid_exit(void)
{
	hrtimer_cancel(&timer);
	eventfd_ctx_put(target);
}

module_init(eventchan_pid_init);
module_exit(eventchan_pid_exit);
MODULE_DESCRIPTION("Signals an eventfd of a process, given by pid and descriptor");
MODULE_AUTHOR("The eventchan authors");
MODULE_LICENSE("GPL");
