/* Groups of a person, by the system's own database. */
#include <criterion/criterion.h>
#include <string.h>

#include "platform/login.h"

Test(login, groups)
{
	struct sk_groups g = {.n = 0};
	bool root = false;

	sk_login_groups("root", &g);
	cr_assert_geq(g.n, 1);
	for (size_t i = 0; i < g.n; i++)
		root = root || strcmp(g.names[i], "root") == 0;
	cr_assert(root);
	sk_login_groups("no-such-person", &g);
	cr_assert_eq(g.n, 0);
	sk_login_groups("root", &g);
	sk_login_groups("", &g);
	cr_assert_eq(g.n, 0, "nobody");
	sk_groups_clear(&g);
}
