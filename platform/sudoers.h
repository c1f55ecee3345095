/*
 * Who has privileges by sudo and by groups, from the files themselves: sudoers with its includes, aliases and lists, groups with those whose first
 * group it is. What could not be read is said: a file that is not understood may name anybody.
 */
#ifndef SK_PLATFORM_SUDOERS_H
#define SK_PLATFORM_SUDOERS_H

#include <jansson.h>

struct sk_privileges {
	const char *root;
	json_t *admins; /* [{"name","by"}], each name once */
	json_t *no_password; /* [{"file","line"}]: privileges without a password */
	json_t *unread; /* [{"file","why"}] */
	json_t *lines, *aliases; /* own */
	int files;
};

/* All of them; the arrays are new and stay the caller's. 0 or -ENOMEM. */
int sk_privileges_read(const char *root, struct sk_privileges *out);
void sk_privileges_clear(struct sk_privileges *p);

#endif
