/*
 * Console passwords: Argon2id (64 MiB, 3 passes, 1 lane; RFC 9106's second recommended option with less parallelism), as the
 * encoded string "$argon2id$...". A verification takes 100 ms and more, so the server never does one in its event loop: a small
 * pool of threads takes jobs from a bounded queue and hands the answers back through an eventfd. A second pool, alike, asks elsewhere (the directory): one
 * that does not answer holds up nobody whose password is here.
 */
#ifndef SK_SERVER_PASSWORD_H
#define SK_SERVER_PASSWORD_H

#include <event2/event.h>
#include <stdbool.h>

#define SK_PASSWORD_MIN  12 /* characters asked of a password people choose (5.4(3)) */
#define SK_PASSWORD_MAX  1024 /* bytes; longer ones are refused unread */
#define SK_PASSWORD_HASH 160 /* bytes of the encoded form incl. NUL */
#define SK_PASSWORD_NONE "$argon2id$none" /* an account without a password here: none verifies */

/* 0, -EINVAL (empty or too long), -ENOMEM, -EIO. Blocks for 100 ms and more: CLI, tests. */
int sk_password_hash(const char *pw, char out[SK_PASSWORD_HASH]);
/* 1 = right, 0 = wrong (also for an encoded string that is malformed or asks for more than the server's own cost). Blocks. */
int sk_password_verify(const char *encoded, const char *pw);
/* A password for a new account: 20 characters of Crockford base32 in groups of 5 (100 bits). out has 24 bytes. */
int sk_password_generate(char out[24]);

struct sk_password_job;
/* Runs in the pool; done(1 right | 0 wrong or failed, arg) is called later from base's loop, never from inside this call. Both
 * strings are copied and the password is wiped. encoded NULL or "" (no such user, locked): the same work is done against a dummy and
 * the answer is 0, so that time tells nothing. Returns the job, valid until done is called or it is cancelled; NULL when the queue is full
 * (done will not be called; answer 503). All calls of one process must use one base. */
struct sk_password_job *sk_password_verify_async(struct event_base *base, const char *encoded, const char *pw,
                                                 void (*done)(int ok, void *arg), void *arg);
/* Likewise, but ask decides, in a thread: 1 right, 0 wrong, negative when it could not be asked. name is copied; how must live until the pool stops. The
 * work of the dummy is done as well. */
struct sk_password_asker {
	int (*ask)(const void *how, const char *name, const char *pw);
	const void *how;
	const char *name;
};
struct sk_password_job *sk_password_ask_async(struct event_base *base, const struct sk_password_asker *who,
                                              const char *pw, void (*done)(int ok, void *arg), void *arg);
/* May one more come from this address? At most two of one wait or run; asked before anything is counted against an account. */
bool sk_password_room(const char *from);
void sk_password_from(struct sk_password_job *job,
                      const char *from); /* whose place the job takes; directly after it was made */
void sk_password_cancel(
    struct sk_password_job *job); /* done is not called any more, its place is free unless it runs; NULL ok */
void sk_password_pool_stop(void); /* joins the threads; jobs not done are dropped; safe without a pool */

#endif
