// SPDX-License-Identifier: GPL-2.0-or-later
/* A module that needs another, and warns while it starts: its symbols are undefined there, or freed afterwards. */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

extern int toy_exported;
void toy_deep(int depth);

static int toy_count = 3;
static noinline int toy_helper(int value)
{
	return value + toy_count + toy_exported;
}

static noinline int __init toy_start(int value)
{
	WARN(toy_helper(value) > 0, "toy: two starts");
	return 0;
}

static int __init toy_init(void)
{
	toy_deep(1);
	return toy_start(4);
}
module_init(toy_init);

MODULE_DESCRIPTION("Needs another module, and warns while it starts");
MODULE_LICENSE("GPL");
