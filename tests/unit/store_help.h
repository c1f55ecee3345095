/* A store in a folder of its own, with two sections, people in each role, terminals and their chains. */
#ifndef SK_TESTS_STORE_HELP_H
#define SK_TESTS_STORE_HELP_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "server/store.h"
#include "tests/unit/store_behind.h"

#define T0   ((sk_ms)1764000000000)
#define HOUR ((sk_ms)3600000)
#define HASH "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct chain { /* one terminal as the tests play it */
	char id[SK_UUID_LEN], fingerprint[SK_SHA256_HEX];
	int64_t seq;
	char last[SK_SHA256_HEX];
};

static char help_dir[64], help_path[512], help_file[96]; /* file: where the ledger is with SQLite */

static inline struct sk_actor help_actor(const char *user, const char *name, const char *unit, enum sk_role role)
{
	struct sk_actor a = {.role = role};

	sk_text_copy(a.user, sizeof(a.user), user);
	sk_text_copy(a.name, sizeof(a.name), name);
	sk_text_copy(a.unit, sizeof(a.unit), unit);
	return a;
}

static inline struct sk_store *help_empty(void)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_store *s = NULL;

	snprintf(help_dir, sizeof(help_dir), "/tmp/sekimori-store-XXXXXX");
	cr_assert_not_null(mkdtemp(help_dir));
	snprintf(help_file, sizeof(help_file), "%s/ledger.db", help_dir);
	behind_place(help_dir, "ledger.db", help_path, sizeof(help_path));
	cr_assert_eq(sk_store_open(help_path, true, &s, &err), 0, "%s", err.text);
	return s;
}

static inline struct sk_actor help_admin(void)
{
	return help_actor("cli:root", "root", "", SK_ROLE_SYS);
}

/* Sections zeimu and shimin; managers of each, desk, one person who is both manager of zeimu and desk, an auditor. */
static inline struct sk_store *help_store(void)
{
	struct sk_store *s = help_empty();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_unit_put(s, &by, "zeimu", "税務課", "Tax", &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_unit_put(s, &by, "shimin", "市民課", "Residents", &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "zkacho", "税務課長", "zeimu", SK_ROLE_SEC, HASH, &err), 0, "%s",
	             err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "skacho", "市民課長", "shimin", SK_ROLE_SEC, HASH, &err), 0, "%s",
	             err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "madoguchi", "窓口担当", "", SK_ROLE_DESK, HASH, &err), 0, "%s",
	             err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "both", "課長兼窓口", "zeimu", SK_ROLE_SEC | SK_ROLE_DESK, HASH, &err),
	             0, "%s", err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "kansa", "監査担当", "", SK_ROLE_AUD, HASH, &err), 0, "%s", err.text);
	return s;
}

static inline void help_close(struct sk_store *s)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal", ".2", ".backup"};
	char path[160];

	sk_store_close(s);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", help_file, ends[i]);
		unlink(path);
	}
	rmdir(help_dir);
	behind_gone(help_path);
}

static inline void help_token(struct sk_store *s, const char *sha, const char *host, const char *asset,
                              const char *unit)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_token_put(s, &by, sha, host, asset, unit, sk_clock_wall() + HOUR, &err), 0, "%s",
	             err.text);
}

/* n: a number that makes everything about this terminal its own. */
static inline struct chain help_terminal(struct sk_store *s, int n, const char *unit)
{
	struct chain c = {.seq = 0};
	struct sk_err err = SK_ERR_INIT;
	char sha[SK_SHA256_HEX], host[32];

	snprintf(c.id, sizeof(c.id), "00000000-0000-4000-8000-%012d", n);
	snprintf(c.fingerprint, sizeof(c.fingerprint), "%064d", n);
	snprintf(sha, sizeof(sha), "%063dt", n);
	snprintf(host, sizeof(host), "pc-%d", n);
	sk_text_copy(c.last, sizeof(c.last), SK_CHAIN_ZERO);
	help_token(s, sha, host, "", unit);
	cr_assert_eq(sk_store_enrol(s, sha, host, "", c.id, c.fingerprint, T0 + 90 * 24 * HOUR, T0, &err), 0, "%s",
	             err.text);
	return c;
}

/* The next record; the body is duplicated: sk_event_clear. */
static inline struct sk_event help_event(struct chain *c, const char *kind, const char *body)
{
	struct sk_event e = {.seq = c->seq + 1, .time = T0 + c->seq};

	sk_text_copy(e.kind, sizeof(e.kind), kind);
	sk_text_copy(e.prev, sizeof(e.prev), c->last);
	e.body = strdup(body);
	e.body_len = strlen(body);
	sk_chain_hash(c->id, &e, e.hash);
	c->seq++;
	sk_text_copy(c->last, sizeof(c->last), e.hash);
	return e;
}

static inline int help_put(struct sk_store *s, const char *device, struct sk_event *events, size_t n, int64_t *acked,
                           enum sk_chain_result *chain)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_store_events_put(s, device, events, n, T0, acked, chain, &err);

	cr_assert(r == 0 || err.text[0] != '\0');
	return r;
}

static inline void help_send(struct sk_store *s, struct chain *c, const char *kind, const char *body)
{
	struct sk_event e = help_event(c, kind, body);
	enum sk_chain_result chain;
	int64_t acked;

	cr_assert_eq(help_put(s, c->id, &e, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_OK);
	cr_assert_eq(acked, c->seq);
	sk_event_clear(&e);
}

/* A request of person for the medium "stick"; its number. */
static inline int64_t help_request(struct sk_store *s, struct chain *c, const char *person, const char *access,
                                   int hours)
{
	static int count;
	char body[1024];
	json_t *list, *row;
	int64_t number;

	snprintf(body, sizeof(body),
	         "{\"id\":\"10000000-0000-4000-8000-%012d\",\"kind\":\"media\",\"person\":\"%s\",\"device\":{\"vendor_"
	         "id\":\"46f4\",\"product_id\":\"0001\","
	         "\"vendor\":\"QEMU\",\"product\":\"USB "
	         "HARDDRIVE\",\"serial\":\"S1\",\"device_key\":\"%064d\",\"grade\":\"C\",\"port\":\"1-2\"},"
	         "\"purpose\":\"窓口\",\"access\":\"%s\",\"hours\":%d,\"class\":\"none\",\"destination\":\"市民課\"}",
	         ++count, person, 7, access, hours);
	help_send(s, c, "request.created", body);
	list = sk_store_requests(s, NULL, NULL, "submitted", 1, 0);
	row = json_array_get(list, 0);
	cr_assert_not_null(row);
	cr_assert_eq(strncmp(json_string_value(json_object_get(row, "person")), person, strcspn(person, "\\")), 0);
	number = json_integer_value(json_object_get(row, "number"));
	json_decref(list);
	return number;
}

static inline void help_state(struct sk_store *s, int64_t number, const char *state)
{
	json_t *q = sk_store_request(s, number, NULL);

	cr_assert_str_eq(json_string_value(json_object_get(q, "state")), state);
	json_decref(q);
}

static inline const char *help_text(const json_t *o, const char *name)
{
	const char *t = json_string_value(json_object_get(o, name));

	return t == NULL ? "(none)" : t;
}

static inline long long help_number(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

#endif
