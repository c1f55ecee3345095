/*
 * Changes of files and of the kernel's lists, for checks that read them: inotify on folders, and the poll of /proc/self/mountinfo and /proc/swaps.
 * Nothing runs while nothing changes. A folder that is not there yet is watched from the next call of sk_changes_renew on.
 */
#ifndef SK_PLATFORM_CHANGES_H
#define SK_PLATFORM_CHANGES_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct sk_change_path {
	const char *path; /* a folder, or one of the two files of /proc */
	const char *names; /* blank-separated names in that folder that count; NULL = all but temporary ones */
	uint32_t what; /* given to fn */
};

struct sk_changes;

/* root: "" or a folder in tests. paths: kept, not copied. fn is called from the loop, once for each event. 0 or -errno. */
int sk_changes_new(sd_event *loop, const char *root, const struct sk_change_path *paths, size_t n,
                   void (*fn)(void *ctx, uint32_t what), void *ctx, struct sk_changes **out);
void sk_changes_renew(struct sk_changes *c); /* tries again what could not be watched */
struct sk_changes *sk_changes_free(struct sk_changes *c);

#endif
