/* Keyboards that somebody vouched for: the file, and the one that is built in. */
#include <errno.h>

#include "platform/keyboards.h"
#include "tests/unit/sysfs_fake.h"

TestSuite(keyboards, .init = tree_up, .fini = tree_down);

#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

Test(keyboards, what_is_saved_is_loaded_and_counts_at_its_port_alone)
{
	static struct sk_keyboards k, again;

	put("/x", "");
	sk_keyboards_add(&k, KEY, "1-2.3");
	sk_keyboards_add(&k, KEY, "1-2.3");
	cr_assert_eq(k.n, 1);
	cr_assert_eq(sk_keyboards_save(at("/k"), &k), 0);
	cr_assert_eq(sk_keyboards_load(at("/k"), &again), 0);
	cr_assert(sk_keyboards_has(&again, KEY, "1-2.3"));
	cr_assert(!sk_keyboards_has(&again, KEY, "1-2"));
}

Test(keyboards, a_full_list_forgets_the_oldest)
{
	static struct sk_keyboards k;
	char port[32];

	for (int i = 0; i <= SK_KEYBOARDS_MAX; i++) {
		(void)snprintf(port, sizeof(port), "1-%d", i);
		sk_keyboards_add(&k, KEY, port);
	}
	cr_assert_eq(k.n, SK_KEYBOARDS_MAX);
	cr_assert(!sk_keyboards_has(&k, KEY, "1-0") && sk_keyboards_has(&k, KEY, "1-256"));
	cr_assert_eq(sk_keyboards_save(at("/k"), &k), 0);
}

Test(keyboards, a_damaged_file_vouches_for_nobody)
{
	static const char *const BAD[] = {KEY "\n", KEY " \n", KEY " 1-1", "short 1-1\n", KEY " 1-1 x\n", "\n"};
	static struct sk_keyboards k;
	char text[300];

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		(void)snprintf(text, sizeof(text), KEY " 1-9\n%s", BAD[i]);
		put("/k", text);
		cr_assert_eq(sk_keyboards_load(at("/k"), &k), -EINVAL, "%zu", i);
		cr_assert_eq(k.n, 0);
	}
	cr_assert_eq(sk_keyboards_load(at("/none"), &k), -ENOENT);
}

Test(keyboards, the_built_in_one_counts_on_a_portable_computer_only)
{
	put("/proc/bus/input/devices", "I: Bus=0011 Vendor=0001\nN: Name=\"AT\"\nH: Handlers=sysrq kbd event0\n\n");
	cr_assert_eq(sk_keyboards_built_in(tree), 0);
	put("/sys/class/dmi/id/chassis_type", "3\n"); /* a desktop: its firmware may only pretend */
	cr_assert_eq(sk_keyboards_built_in(tree), 0);
	put("/sys/class/dmi/id/chassis_type", "10\n");
	cr_assert_eq(sk_keyboards_built_in(tree), 1);
	put("/proc/bus/input/devices", "I: Bus=0003 Vendor=0001\nH: Handlers=sysrq kbd event0\n\n");
	cr_assert_eq(sk_keyboards_built_in(tree), 0);
}
