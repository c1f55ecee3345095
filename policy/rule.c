/*
 * One [rule NAME] section, key by key. Every value is read here once, bounded and strict; what is refused names file and line and
 * says what would be right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/rule.h"

#define WORD_MAX 64

/* Takes the next blank-separated word. 0 = none left, 1 = taken, -E2BIG = longer than a word can be. */
static int next_word(const char **at, char word[WORD_MAX])
{
	size_t n;

	*at += strspn(*at, " \t");
	n = strcspn(*at, " \t");
	if (n == 0)
		return 0;
	if (n >= WORD_MAX)
		return -E2BIG;
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
	return 1;
}

/* Calls one(word) for each word; an empty list is refused. */
static int each_word(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err,
                     int (*one)(const struct sk_ini *, const struct sk_ini_entry *, struct sk_rule *, const char *,
                                struct sk_err *))
{
	const char *at = e->value;
	char word[WORD_MAX];
	int n = 0, got, rc;

	while ((got = next_word(&at, word)) > 0) {
		rc = one(ini, e, r, word, err);
		if (rc < 0)
			return rc;
		n++;
	}
	if (got < 0)
		return sk_ini_fail(ini, e->line, err, "%s: a word is too long", e->key);
	if (n == 0)
		return sk_ini_fail(ini, e->line, err, "%s is empty; give it a value or remove the line", e->key);
	return 0;
}

static int one_kind(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, const char *word,
                    struct sk_err *err)
{
	unsigned kind;

	if (sk_usb_kind_parse(word, &kind) < 0)
		return sk_ini_fail(
		    ini, e->line, err,
		    "%s: \"%s\" is no kind of device; known: hub input storage network image printer audio "
		    "video smartcard serial wireless vendor other optical card-reader ptp mtp tether modem "
		    "security-key fingerprint display",
		    e->key, word);
	if (strcmp(e->key, "kind") == 0)
		r->kinds |= kind;
	else if (strcmp(e->key, "only") == 0)
		r->only |= kind;
	else
		r->with |= kind;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Exactly n hexadecimal digits; -1 if not. */
static int hex_value(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		int d = hex_digit(s[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* Two digits, or ".." for any (-1). */
static bool class_byte(const char *s, int *out)
{
	*out = -1;
	if (s[0] == '.' && s[1] == '.')
		return true;
	*out = hex_value(s, 2);
	return *out >= 0;
}

bool sk_rule_class_read(const char *word, struct sk_rule_class *c)
{
	return strlen(word) == 8 && word[2] == '/' && word[5] == '/' && class_byte(word, &c->cls) &&
	       class_byte(word + 3, &c->sub) && class_byte(word + 6, &c->proto);
}

static int one_class(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, const char *word,
                     struct sk_err *err)
{
	struct sk_rule_class c;

	if (!sk_rule_class_read(word, &c))
		return sk_ini_fail(ini, e->line, err,
		                   "interface: \"%s\" is not like 08/06/50; \"..\" stands for any byte", word);
	if (r->n_classes == SK_RULE_LIST)
		return sk_ini_fail(ini, e->line, err, "interface: more than %d entries; split the rule", SK_RULE_LIST);
	r->classes[r->n_classes++] = c;
	return 0;
}

/* "046d:c5*": some digits and "*"; *at moves on. */
static bool model_beginning(const char **at, struct sk_rule_model *m)
{
	size_t n = strspn(*at, "0123456789abcdefABCDEF");

	if (n == 0 || n > 3 || (*at)[n] != '*')
		return false;
	int digits = hex_value(*at, n);
	if (digits < 0)
		return false;
	m->pid = digits << 4 * (4 - n);
	m->pid_mask = (uint16_t)(0xffff << 4 * (4 - n));
	*at += n + 1;
	return true;
}

/* Four digits, or "*" for any (-1); *at moves on. */
static bool model_part(const char **at, int *out)
{
	if (**at == '*') {
		*out = -1;
		(*at)++;
		return true;
	}
	if (strlen(*at) < 4)
		return false;
	*out = hex_value(*at, 4);
	*at += 4;
	return *out >= 0;
}

static int one_model(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, const char *word,
                     struct sk_err *err)
{
	const char *at = word;
	struct sk_rule_model m = {.pid_mask = 0xffff};

	if (!model_part(&at, &m.vid) || *at++ != ':' || (!model_beginning(&at, &m) && !model_part(&at, &m.pid)) || *at)
		return sk_ini_fail(ini, e->line, err, "device: \"%s\" is not like 1d6b:0002, 1d6b:* or 046d:c5*", word);
	if (r->n_models == SK_RULE_LIST)
		return sk_ini_fail(ini, e->line, err, "device: more than %d entries; split the rule", SK_RULE_LIST);
	r->models[r->n_models++] = m;
	return 0;
}

/* "1-2.3", "usb1", with an optional "*" at the end. */
static bool port_ok(const char *s)
{
	size_t n = strlen(s);

	if (n > 0 && s[n - 1] == '*')
		n--;
	if (n == 0)
		return false;
	if (n > 3 && strncmp(s, "usb", 3) == 0)
		return strspn(s + 3, "0123456789") == n - 3;
	return s[0] >= '0' && s[0] <= '9' && strspn(s, "0123456789-.") == n;
}

static int one_port(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, const char *word,
                    struct sk_err *err)
{
	if (!port_ok(word))
		return sk_ini_fail(ini, e->line, err, "port: \"%s\" is not like 1-2.3 or 1-3.*", word);
	if (r->n_ports == SK_RULE_LIST)
		return sk_ini_fail(ini, e->line, err, "port: more than %d entries; split the rule", SK_RULE_LIST);
	r->ports[r->n_ports] = strdup(word);
	if (!r->ports[r->n_ports])
		return sk_err_set(err, -ENOMEM, "no memory for a rule");
	r->n_ports++;
	return 0;
}

static int read_text(const struct sk_ini *ini, const struct sk_ini_entry *e, char **out, struct sk_err *err)
{
	if (!e->value[0])
		return sk_ini_fail(ini, e->line, err, "%s is empty; give it a value or remove the line", e->key);
	*out = strdup(e->value);
	return *out ? 0 : sk_err_set(err, -ENOMEM, "no memory for a rule");
}

static int read_action(const struct sk_ini *ini, const struct sk_ini_entry *e, enum sk_action *out, struct sk_err *err)
{
	for (int a = SK_ACTION_DENY; a <= SK_ACTION_GRANT; a++) {
		if (strcmp(e->value, sk_action_name(a)) == 0) {
			*out = a;
			return 0;
		}
	}
	return sk_ini_fail(ini, e->line, err, "action: \"%s\" is not allow, deny or grant", e->value);
}

int sk_rule_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err)
{
	const char *k = e->key;

	if (strcmp(k, "kind") == 0 || strcmp(k, "only") == 0 || strcmp(k, "with") == 0)
		return each_word(ini, e, r, err, one_kind);
	if (strcmp(k, "interface") == 0)
		return each_word(ini, e, r, err, one_class);
	if (strcmp(k, "device") == 0)
		return each_word(ini, e, r, err, one_model);
	if (strcmp(k, "port") == 0)
		return each_word(ini, e, r, err, one_port);
	if (strcmp(k, "serial") == 0)
		return read_text(ini, e, &r->serial, err);
	if (strcmp(k, "reason_ja") == 0)
		return read_text(ini, e, &r->reason_ja, err);
	if (strcmp(k, "reason_en") == 0)
		return read_text(ini, e, &r->reason_en, err);
	if (strcmp(k, "action") == 0)
		return read_action(ini, e, &r->action, err);
	return sk_rule_read_more(ini, e, r, err);
}

int sk_rule_complete(const struct sk_ini *ini, struct sk_rule *r, bool has_action, struct sk_err *err)
{
	bool asks = r->kinds || r->only || r->with || r->n_classes || r->n_models || r->serial || r->n_ports ||
	            sk_rule_asks_more(r);

	if (!has_action)
		return sk_ini_fail(ini, r->line, err, "rule \"%s\" has no action; add action = allow, deny or grant",
		                   r->name);
	if (r->action == SK_ACTION_ALLOW && !asks)
		return sk_ini_fail(ini, r->line, err,
		                   "rule \"%s\" would allow every device; name what it is for, e.g. kind = input",
		                   r->name);
	return sk_rule_complete_more(ini, r, err);
}

void sk_rule_clear(struct sk_rule *r)
{
	for (size_t i = 0; i < r->n_ports; i++)
		free(r->ports[i]);
	free(r->serial);
	free(r->reason_ja);
	free(r->reason_en);
	sk_rule_clear_more(r);
	memset(r, 0, sizeof(*r));
}
