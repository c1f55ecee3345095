/* Giving memory back leaves a program that works. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "platform/memory.h"

static long resident_kb(void)
{
	char text[8192], *p;

	cr_assert_gt(sk_file_attr("/proc/self/status", text, sizeof text), 0);
	p = strstr(text, "VmRSS:");
	cr_assert_not_null(p);
	return strtol(p + 6, NULL, 10);
}

Test(memory, given_back_and_still_running)
{
	char *large = malloc(1 << 20);
	long before, after;

	memset(large, 'x', 1 << 20);
	before = resident_kb();
	sk_memory_give_back();
	after = resident_kb();
	cr_assert_lt(after, before, "%ld -> %ld kB", before, after);
	for (int i = 0; i < 1 << 20; i++)
		cr_assert_eq(large[i], 'x');
	free(large);
	sk_memory_give_back();
	cr_assert_gt(resident_kb(), 0);
}
