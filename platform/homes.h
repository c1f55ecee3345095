/*
 * The folders of the people of this machine, walked for programs. They are hostile: a name may be exchanged while we look, a folder may be a mount of a
 * server that no longer answers, a file a FIFO. No symlink is followed, no mount point is entered or even asked, nothing but a regular file is
 * opened and only its first bytes are read; number, depth and time are bounded, and what was left out is told.
 */
#ifndef SK_PLATFORM_HOMES_H
#define SK_PLATFORM_HOMES_H

#include <jansson.h>
#include <stddef.h>

enum sk_home_kind { SK_HOME_PROGRAM, SK_HOME_APPIMAGE, SK_HOME_SCRIPT };

struct sk_homes {
	const char *root; /* "" = the machine */
	int time_ms; /* for all of them; 0 = 15 s */
	void (*found)(void *ctx, enum sk_home_kind kind, const char *path); /* path as in the machine, any bytes */
	void *ctx;
	json_t *left_out; /* out, new reference: ["/home/x: reason", ...], at most 20 */
	size_t files; /* out: regular files seen */
};

/* Homes of /etc/passwd (uid 1000 and more, below 60000) and what else lies in /home. 0 or -ENOMEM. */
int sk_homes_walk(struct sk_homes *h);

#endif
