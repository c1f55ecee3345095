/*
 * A program run beside the event loop: absolute path, no shell, clean environment, what it prints kept up to a limit, a time limit after
 * which it is killed. The loop never waits for it. Ended children are seen through a pidfd, so no signal handling is asked of the caller.
 */
#ifndef SK_PLATFORM_CHILD_H
#define SK_PLATFORM_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define SK_CHILD_OUTPUT_MAX 32768 /* a PC with many volumes has long facts; the pipe itself holds 64 KiB */

struct sk_child;

/* status: exit status 0-255, 128 + signal, or -ETIMEDOUT. output: what it wrote to stdout, NUL after len bytes, borrowed. The child is
 * gone when this is called; do not cancel it. */
typedef void (*sk_child_fn)(void *arg, int status, const char *output, size_t len);

/* argv[0] is the absolute path; NULL-terminated. 0 and *out (owned by the loop until fn was called), or -errno: fn is not called. */
int sk_child_start(sd_event *loop, const char *const argv[], uint64_t timeout_ms, sk_child_fn fn, void *arg,
                   struct sk_child **out);
/* The same with input on its stdin: at most SK_CHILD_INPUT_MAX bytes (what a pipe surely holds), for keys and the like, which stand in no
 * argument. The bytes are the caller's to wipe. */
#define SK_CHILD_INPUT_MAX 4096
int sk_child_start_input(sd_event *loop, const char *const argv[], const void *input, size_t len, uint64_t timeout_ms,
                         sk_child_fn fn, void *arg, struct sk_child **out);
/* The same with an environment of the caller's: for what must reach a person's display. */
int sk_child_start_env(sd_event *loop, const char *const argv[], char *const env[], uint64_t timeout_ms, sk_child_fn fn,
                       void *arg, struct sk_child **out);
/* Kills it and forgets fn. NULL ok. */
void sk_child_cancel(struct sk_child *c);

#endif
