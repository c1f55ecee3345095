/* Running one command to its end: absolute path, no shell, empty environment but what is named, output and time bounded. */
#ifndef SK_PLATFORM_RUN_H
#define SK_PLATFORM_RUN_H

#include <stddef.h>
#include <sys/types.h>

/* As uid (with its groups; 0 = stay root), HOME=home, XDG_RUNTIME_DIR=/run/user/UID. Standard output goes into out (size bytes with NUL),
 * more than that is a failure. Bytes read, or -ETIMEDOUT, -EIO (exit status not 0), -E2BIG, -errno. The child is always reaped. */
int sk_run(uid_t uid, const char *home, const char *const argv[], int timeout_ms, char *out, size_t size);

#endif
