// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/eventchan: opening it, its ioctl requests, closing it.
 *
 * A module has no main(). Loading it calls the init function, which gives the kernel a table
 * of functions (file_operations); the kernel calls these in the process
 * that opens, asks or closes. All state of the module belongs to one open
 * file, so that two programs cannot disturb each other.
 *
 * Closing: release is called when the last descriptor of the open file is closed, and the
 * kernel closes all descriptors of a process that ends, however it ends. A killed
 * program therefore needs no special case.
 *
 * Unloading: .owner makes each open file hold a reference to the module, and
 * delete_module(2) refuses (EWOULDBLOCK) while there are any. Every thread, timer and
 * work item belongs to an open file and has ended when its release returns. Therefore none can
 * be running once the module can be unloaded, and exit has nothing to stop. (eventchan_pid.c
 * has no open file, and stops its timer in exit.)
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core.h"

struct eventchan {
	struct mutex lock;	/* one request at a time */
	struct sender sender;
	struct listener listener;
};

/* How many eventfds the module holds: /sys/module/eventchan/parameters/held */
static atomic_t held = ATOMIC_INIT(0);

struct eventfd_ctx *eventchan_hold(struct eventfd_ctx *ctx)
{
	if (!IS_ERR(ctx))
		atomic_inc(&held);
	return ctx;
}

void eventchan_drop(struct eventfd_ctx *ctx)
{
	eventfd_ctx_put(ctx);
	atomic_dec(&held);
}

static int held_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&held));
}

static const struct kernel_param_ops held_ops = { .get = held_get };
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "eventfds that the module holds (read only)");

static int eventchan_open(struct inode *inode, struct file *file)
{
	struct eventchan *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (!e)
		return -ENOMEM;
	mutex_init(&e->lock);
	sender_init(&e->sender);
	listener_init(&e->listener);
	file->private_data = e;
	return 0;
}

/* No request can be running now, because it would hold a reference to the file. */
static int eventchan_release(struct inode *inode, struct file *file)
{
	struct eventchan *e = file->private_data;

	listener_stop(&e->listener);
	sender_detach(&e->sender);
	kfree(e);
	return 0;
}

static int ioctl_signal(struct eventchan *e, void __user *arg)
{
	struct eventchan_signal how;

	if (copy_from_user(&how, arg, sizeof(how)))
		return -EFAULT;
	return sender_signal(&e->sender, &how);
}

static int ioctl_listen(struct eventchan *e, void __user *arg)
{
	struct eventchan_listen what;

	if (copy_from_user(&what, arg, sizeof(what)))
		return -EFAULT;
	return listener_start(&e->listener, &what);
}

static int ioctl_stats(struct eventchan *e, void __user *arg)
{
	struct eventchan_stats stats = {};

	sender_stats(&e->sender, &stats);
	listener_stats(&e->listener, &stats);
	return copy_to_user(arg, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static int ioctl_locked(struct eventchan *e, unsigned int request, unsigned long arg)
{
	void __user *pointer = (void __user *)arg;

	switch (request) {
	case EVENTCHAN_ATTACH:
		/* Never cut a number to 32 bits, which makes it another descriptor's. */
		return arg > INT_MAX ? -EBADF : sender_attach(&e->sender, arg);
	case EVENTCHAN_DETACH:
		return sender_detach(&e->sender);
	case EVENTCHAN_SIGNAL:
		return ioctl_signal(e, pointer);
	case EVENTCHAN_LISTEN:
		return ioctl_listen(e, pointer);
	case EVENTCHAN_UNLISTEN:
		return listener_stop(&e->listener);
	case EVENTCHAN_STATS:
		return ioctl_stats(e, pointer);
	}
	return -ENOTTY;
}

static long eventchan_ioctl(struct file *file, unsigned int request, unsigned long arg)
{
	struct eventchan *e = file->private_data;
	int err = mutex_lock_killable(&e->lock);

	if (err)
		return err;
	err = ioctl_locked(e, request, arg);
	mutex_unlock(&e->lock);
	return err;
}

static const struct file_operations eventchan_fops = {
	.owner = THIS_MODULE,
	.open = eventchan_open,
	.release = eventchan_release,
	.unlocked_ioctl = eventchan_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* A character device whose number the kernel chooses. */
static struct miscdevice eventchan_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "eventchan",
	.fops = &eventchan_fops,
	.mode = 0600,
};

module_misc_device(eventchan_device);
MODULE_DESCRIPTION("Signals eventfds and waits for them: the example of eventchan");
MODULE_AUTHOR("The eventchan authors");
MODULE_LICENSE("GPL");
