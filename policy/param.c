/* See param.h. */
#include "policy/param.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/text.h"

#define DAY_MS 86400000LL

static bool is_text(const struct sk_param *p)
{
	return p->type == SK_PARAM_PATH || p->type == SK_PARAM_LIST || p->type == SK_PARAM_TEXT;
}

void sk_params_clear(struct sk_param_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(values[i].text);
		values[i] = (struct sk_param_value){0};
	}
}

int sk_params_default(const struct sk_param *params, size_t n, struct sk_param_value *values)
{
	for (size_t i = 0; i < n; i++) {
		values[i].n = params[i].def;
		if (!is_text(&params[i]))
			continue;
		values[i].text = strdup(params[i].def_text ? params[i].def_text : "");
		if (!values[i].text) {
			sk_params_clear(values, n);
			return -ENOMEM;
		}
	}
	return 0;
}

static bool leap(long long y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

int sk_param_date(const char *s, long long *out)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned long long y, m, d;
	char part[3][5] = {"", "", ""};
	long long n = 0;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
		return -EINVAL;
	memcpy(part[0], s, 4);
	memcpy(part[1], s + 5, 2);
	memcpy(part[2], s + 8, 2);
	if (sk_text_u64(part[0], 1970, 2200, &y) < 0 || sk_text_u64(part[1], 1, 12, &m) < 0 ||
	    sk_text_u64(part[2], 1, 31, &d) < 0)
		return -EINVAL;
	if (d > (unsigned)days[m - 1] + (m == 2 && leap((long long)y)))
		return -EINVAL;
	for (long long i = 1970; i < (long long)y; i++)
		n += 365 + leap(i);
	for (unsigned i = 1; i < m; i++)
		n += days[i - 1] + (i == 2 && leap((long long)y));
	*out = (n + (long long)d) * DAY_MS - 1;
	return 0;
}

/* "name", or for a list also "name.N", which goes on with it. */
static bool is_key(const struct sk_param *p, const char *key, bool *more)
{
	size_t n = strlen(p->name);
	unsigned long long number;

	*more = false;
	if (strcmp(p->name, key) == 0)
		return true;
	*more = p->type == SK_PARAM_LIST && strncmp(p->name, key, n) == 0 && key[n] == '.' &&
	        sk_text_u64(key + n + 1, 2, 999, &number) == 0;
	return *more;
}

/* Words with one blank between them. *count: how many. NULL: no memory. */
static char *words(const char *s, size_t *count)
{
	char *out = malloc(strlen(s) + 2), *to = out;

	*count = 0;
	while (out && *s) {
		size_t n = strcspn(s, " \t");

		if (n > 0) {
			if (to > out)
				*to++ = ' ';
			memcpy(to, s, n);
			to += n;
			(*count)++;
		}
		s += n;
		s += strspn(s, " \t");
	}
	if (out)
		*to = '\0';
	return out;
}

static int set_number(const struct sk_param *p, const struct sk_ini *ini, const struct sk_ini_entry *e, long long *out,
                      struct sk_err *err)
{
	switch (p->type) {
	case SK_PARAM_SPAN:
		if (sk_text_duration(e->value, p->min, p->max, out) == 0)
			return 0;
		return sk_ini_fail(ini, e->line, err,
		                   "%s = %s; write a time such as 90s, 10m, 8h or 7d between %lld and %lld seconds",
		                   e->key, e->value, p->min, p->max);
	case SK_PARAM_YES:
		if (strcmp(e->value, "yes") == 0 || strcmp(e->value, "no") == 0) {
			*out = e->value[0] == 'y';
			return 0;
		}
		return sk_ini_fail(ini, e->line, err, "%s = %s; write yes or no", e->key, e->value);
	case SK_PARAM_NUMBER:
		if (sk_text_i64(e->value, p->min, p->max, out) == 0)
			return 0;
		return sk_ini_fail(ini, e->line, err, "%s = %s; write a number between %lld and %lld", e->key, e->value,
		                   p->min, p->max);
	default:
		if (sk_param_date(e->value, out) == 0)
			return 0;
		return sk_ini_fail(ini, e->line, err, "%s = %s; write a date such as 2027-03-31", e->key, e->value);
	}
}

/* more: what follows it in a list that goes on; NULL = nothing. */
static int set_text(const struct sk_param *p, const struct sk_ini *ini, const struct sk_ini_entry *e, const char *more,
                    char **out, struct sk_err *err)
{
	char *text, *whole = NULL;
	size_t count = 0;

	if (p->type == SK_PARAM_PATH && (e->value[0] != '/' || strlen(e->value) > (size_t)p->max))
		return sk_ini_fail(ini, e->line, err, "%s must be an absolute path of at most %lld bytes", e->key,
		                   p->max);
	if (p->type == SK_PARAM_TEXT && strlen(e->value) > (size_t)p->max)
		return sk_ini_fail(ini, e->line, err, "%s is longer than %lld bytes", e->key, p->max);
	if (more && asprintf(&whole, "%s %s", more, e->value) < 0)
		return sk_err_set(err, -ENOMEM, "%s: no memory", ini->file);
	text = p->type == SK_PARAM_LIST ? words(whole ? whole : e->value, &count) : strdup(e->value);
	free(whole);
	if (!text)
		return sk_err_set(err, -ENOMEM, "%s: no memory", ini->file);
	if (count > (size_t)p->max) {
		free(text);
		return sk_ini_fail(ini, e->line, err, "%s has %zu words; at most %lld", e->key, count, p->max);
	}
	*out = text;
	return 0;
}

int sk_params_set(const struct sk_param *params, size_t n, const struct sk_ini *ini, const struct sk_ini_entry *e,
                  struct sk_param_value *values, struct sk_err *err)
{
	for (size_t i = 0; i < n; i++) {
		char *text = NULL;
		bool more;
		int r;

		if (!is_key(&params[i], e->key, &more))
			continue;
		if (!is_text(&params[i]))
			return set_number(&params[i], ini, e, &values[i].n, err);
		r = set_text(&params[i], ini, e, more ? values[i].text : NULL, &text, err);
		if (r == 0) {
			free(values[i].text);
			values[i].text = text;
		}
		return r;
	}
	return -ENOENT;
}

int sk_param_print(const struct sk_param *p, const struct sk_param_value *v, char *out, size_t size)
{
	if (is_text(p))
		return snprintf(out, size, "%s=%s", p->name, v->text ? v->text : "");
	return snprintf(out, size, "%s=%lld", p->name, v->n);
}

bool sk_param_has(const struct sk_param_value *list, const char *word)
{
	const char *s = list->text ? list->text : "";
	size_t len = strlen(word);

	while (*s) {
		size_t n = strcspn(s, " ");

		if (n == len && memcmp(s, word, n) == 0)
			return true;
		if (n > 0 && s[n - 1] == '*' && len >= n - 1 && memcmp(s, word, n - 1) == 0)
			return true;
		s += n;
		s += *s == ' ';
	}
	return false;
}
