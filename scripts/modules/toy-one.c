// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A module that does what it is told, for logs to read:
 *
 *	echo warn > /sys/module/toy_one/parameters/act
 *
 * Has a symbol of every kind whose way into /proc/kallsyms differs: code and data that stay, that are freed, that
 * are exported, per CPU, read-only, and a name that vmlinux has, too.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static int toy_count = 5;
static int toy_zero;
static const int toy_constant[4] = { 1, 2, 3, 4 };
static int toy_once __ro_after_init = 7;
static int toy_setup_data __initdata = 9;
static DEFINE_PER_CPU(int, toy_percpu);
static DEFINE_SPINLOCK(toy_first);
static DEFINE_SPINLOCK(toy_second);
int toy_exported = 11;
EXPORT_SYMBOL_GPL(toy_exported);

/* The name of a function in init/main.c. */
static noinline int run_init_process(int depth)
{
	return depth + toy_constant[depth & 3];
}

static __always_inline void toy_store(int *where)
{
	*where = toy_count;
}

static noinline void toy_null(void)
{
	toy_store((int *)8L);
}

static noinline void toy_overflow(void)
{
	char *small = kmalloc(8, GFP_KERNEL);

	if (!small)
		return;
	OPTIMIZER_HIDE_VAR(small);
	small[8] = 1;
	kfree(small);
}

static noinline void toy_after_free(void)
{
	char *small = kmalloc(32, GFP_KERNEL);

	if (!small)
		return;
	kfree(small);
	OPTIMIZER_HIDE_VAR(small);
	WRITE_ONCE(small[3], 1);
}

static noinline void toy_lock(spinlock_t *outer, spinlock_t *inner)
{
	spin_lock(outer);
	spin_lock(inner);
	spin_unlock(inner);
	spin_unlock(outer);
}

static noinline void toy_addresses(void)
{
	pr_info("toy: %px %px %px %px\n", toy_null, &toy_count, schedule, &jiffies);
	pr_info("toy: %pS %ps\n", toy_null, schedule);
}

noinline void toy_deep(int depth)
{
	if (depth)
		toy_deep(depth - 1);
	else
		dump_stack();
	barrier();
}
EXPORT_SYMBOL_GPL(toy_deep);

/* What ends the task that does it, in a task of its own: the writer holds a lock. */
static int toy_die(void *how)
{
	if (how)
		BUG();
	toy_null();
	return 0;
}

static int toy_act(const char *value, const struct kernel_param *kp)
{
	if (sysfs_streq(value, "warn"))
		WARN(1, "toy: as told %d", run_init_process(toy_zero));
	else if (sysfs_streq(value, "null"))
		kthread_run(toy_die, NULL, "toy-null");
	else if (sysfs_streq(value, "bug"))
		kthread_run(toy_die, &toy_count, "toy-bug");
	else if (sysfs_streq(value, "stack"))
		toy_deep(3);
	else if (sysfs_streq(value, "addresses"))
		toy_addresses();
	else if (sysfs_streq(value, "overflow"))
		toy_overflow();
	else if (sysfs_streq(value, "after-free"))
		toy_after_free();
	else if (sysfs_streq(value, "locks")) {
		toy_lock(&toy_first, &toy_second);
		toy_lock(&toy_second, &toy_first);
	} else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops toy_ops = { .set = toy_act };
module_param_cb(act, &toy_ops, NULL, 0200);

static int __init toy_init(void)
{
	toy_zero = toy_setup_data + toy_once - 16;
	this_cpu_add(toy_percpu, 1);
	return 0;
}
module_init(toy_init);

static void __exit toy_exit(void)
{
	pr_info("toy: leaves\n");
}
module_exit(toy_exit);

MODULE_DESCRIPTION("Does what it is told, for logs to read");
MODULE_LICENSE("GPL");
