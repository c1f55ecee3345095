/*
 * What a browser or a script posts: application/x-www-form-urlencoded, read strictly and whole. Values are valid UTF-8 without control
 * characters (line ends become "\n"); a field named twice, a bad escape or too many fields refuse the whole form.
 */
#ifndef SK_SERVER_PAGE_FORM_H
#define SK_SERVER_PAGE_FORM_H

#include <stddef.h>

#define SK_FORM_FIELDS 40

struct sk_form {
	char *text; /* owned: the decoded names and values */
	size_t n;
	struct {
		const char *name, *value;
	} fields[SK_FORM_FIELDS];
};

/* 0, -EINVAL, -E2BIG (fields), -ENOMEM. On failure *f is empty. Free with sk_form_clear. */
int sk_form_parse(const char *body, size_t len, struct sk_form *f);
void sk_form_clear(struct sk_form *f);

const char *sk_form_get(const struct sk_form *f, const char *name); /* NULL when absent */
/* The value without blanks at both ends, at most max bytes: 0 and *out ("" when absent); -E2BIG when longer. */
int sk_form_text(struct sk_form *f, const char *name, size_t max, const char **out);

#endif
