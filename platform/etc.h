/*
 * Configuration files under a root ("" = the machine, a folder in tests), for probes: bounded, regular files only, never followed through a last
 * symlink, never waited for. What lines mean is the caller's.
 */
#ifndef SK_PLATFORM_ETC_H
#define SK_PLATFORM_ETC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/buf.h"

#define SK_ETC_MAX (1024 * 1024)

/* The whole file as a new string, at most SK_ETC_MAX bytes; NULL and *why (negative errno) when it cannot be read. Caller frees. */
char *sk_etc_read(const char *root, const char *path, int *why);
/* The next line of *at: comments ("#" to the end) and blanks at both ends off, empty ones left out; changes the text. NULL = end. A backslash at the
 * end of a line joins the next one to it. */
char *sk_etc_line(char **at);
/* The value of "key value" or "key = value" in the last line that has the key (login.defs, pwquality.conf, sshd_config); keys compared without case.
 * False when it is not there. */
bool sk_etc_value(const char *root, const char *path, const char *key, char *out, size_t size);
/* Names in a folder that end so, sorted, as a new array; at most 1000. Empty when there is no such folder. */
json_t *sk_etc_names(const char *root, const char *folder, const char *ending);

/* The stack of a service (pam.d) and type, includes resolved, substacks as levels; as policy/pam.h. NULL and *why: -ENOENT no such service,
 * -ELOOP includes without end, -EINVAL a line that is none. New reference. */
json_t *sk_pam_stack(const char *root, const char *service, const char *type, int *why);

#endif
