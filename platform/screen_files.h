/* Inside platform/screen_*.c: one mandatory setting as a file under a root. */
#ifndef SK_PLATFORM_SCREEN_FILES_H
#define SK_PLATFORM_SCREEN_FILES_H

#include <jansson.h>
#include "common/err.h"

struct sk_screen_target {
	const char *root; /* "" on a real system */
	json_t *wrote; /* paths written are appended; NULL ok */
};

/* 1 = written or made readable, 0 = was right, negative = failed. */
int sk_screen_put(const struct sk_screen_target *t, const char *path, const char *text, struct sk_err *err);
/* KDE Plasma, Xfce, sway: those that are installed. A file that was there before is kept as FILE.before-sekimori. 0 or negative. */
int sk_screen_desktops(const struct sk_screen_target *t, long long idle_s, struct sk_err *err);

#endif
