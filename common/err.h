/*
 * Errors. A function that can fail returns int: 0 for success, a negative errno value for a failure
 * the caller passes on unchanged, a positive named code for an outcome the caller handles there.
 * Where a person will read about it, the function takes a struct sk_err and fills in one line that
 * says where, what and what to do. Library code never logs and never exits; programs log.
 */
#ifndef SK_COMMON_ERR_H
#define SK_COMMON_ERR_H

struct sk_err {
	char text[512]; /* one line, UTF-8, NUL-terminated, no control characters; "" = no error */
};

#define SK_ERR_INIT { "" }

/* Formats into err->text (cut at the end, control characters replaced by '?') unless err is NULL.
 * Returns code unchanged, so that callers write: return sk_err_set(err, -EINVAL, "..."); */
int sk_err_set(struct sk_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of what is there. Returns code. */
int sk_err_prefix(struct sk_err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
