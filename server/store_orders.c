/*
 * What the server signs for a terminal. A version counts the different contents that were issued to it: contents are built anew each
 * time and compared by their hash, so that whatever changes them (a decision, an end, a revocation, a new policy, another section)
 * raises the version, and nothing else does.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/grant.h"

#define RAISE_MOST ((int64_t)1 << 32) /* versions a restore can have lost, and more */
#define GRANTS_BYTES \
	((size_t)400 * 1024) /* of the grants in a bundle, so that it can be signed and read (SK_BUNDLE_MAX) */
#define ANSWERS_MAX 100 /* requests told about in a bundle */
#define ANSWERS_MS  ((sk_ms)30 * 86400 * 1000) /* and for how long after their last change */

static enum sk_access access_of(const char *name)
{
	return strcmp(name, "rw") == 0 ? SK_ACCESS_RW : strcmp(name, "ro") == 0 ? SK_ACCESS_RO : SK_ACCESS_NONE;
}

/* The key of a container comes with the grant for it, where it can be sealed to the terminal; else the container stays closed there. */
static void take_container(const struct sk_store *s, struct db_rows *st, const char *device, struct sk_grant *g)
{
	char sealed[SK_SEALED_KEY_HEX], from[SK_UUID_LEN], as[SK_LEDGER_LEN], to[2 * SK_SEAL_KEY + 1];
	const struct container_of c = {sealed, from, as, to};

	db_copy(st, 14, sealed, sizeof(sealed));
	db_copy(st, 15, from, sizeof(from));
	db_copy(st, 16, as, sizeof(as));
	db_copy(st, 17, to, sizeof(to));
	if (sealed[0] != '\0' && container_seal(s, &c, device, g->ledger, g->container_key) < 0)
		g->container_key[0] = '\0';
}

static int note_keys(struct sk_store *s, const char *device, const json_t *grants, sk_ms now)
{
	const json_t *g;
	size_t i;
	int r = 0;

	json_array_foreach((json_t *)grants, i, g)
	{
		if (r >= 0 && json_object_get(g, "container_key") != NULL)
			r = container_sent(s, json_string_value(json_object_get(g, "id")), device,
			                   json_string_value(json_object_get(g, "ledger")), now);
	}
	return r;
}

static json_t *grants_now(struct sk_store *s, const char *device, sk_ms now)
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT g.id, g.request, g.device_key, g.serial, g.person, g.access, g.class, g.purpose, g.\"from\", "
	    "g.until, "
	    "g.permitted_by, g.approved_by, g.uses, g.ledger, coalesce(m.container_key, ''), "
	    "coalesce(m.container_from, "
	    "''), coalesce(m.container_as, ''), coalesce(k.key, ''), g.erase, g.passphrase"
	    " FROM grants g LEFT JOIN media m ON m.ledger = g.ledger AND m.state NOT IN ('lost', 'erased', 'disposed')"
	    " LEFT JOIN seal_keys k ON k.terminal = g.terminal"
	    " WHERE g.terminal = ? AND g.ended IS NULL AND g.until > ? ORDER BY g.\"from\" DESC, g.id LIMIT 4096",
	    "si", device, now);
	json_t *list = json_array(), *one;
	size_t bytes = 0;
	int r;

	while ((r = db_next(st)) == 1) {
		struct sk_grant g = {.request = db_number(st, 1), .access = access_of(db_text(st, 5))};

		g.uses = (int)db_number(st, 12);
		g.erase = db_number(st, 18) != 0;
		g.release = db_number(st, 19) != 0;
		db_copy(st, 0, g.id, sizeof(g.id));
		db_copy(st, 2, g.device_key, sizeof(g.device_key));
		db_copy(st, 3, g.serial, sizeof(g.serial));
		db_copy(st, 4, g.person, sizeof(g.person));
		db_copy(st, 6, g.info_class, sizeof(g.info_class));
		db_copy(st, 7, g.purpose, sizeof(g.purpose));
		g.from = db_number(st, 8);
		g.until = db_number(st, 9);
		db_copy(st, 10, g.permitted_by, sizeof(g.permitted_by));
		db_copy(st, 11, g.approved_by, sizeof(g.approved_by));
		db_copy(st, 13, g.ledger, sizeof(g.ledger));
		take_container(s, st, device, &g);
		one = sk_grant_json(&g);
		bytes += one == NULL ? 0 : json_dumpb(one, NULL, 0, JSON_COMPACT);
		if (bytes > GRANTS_BYTES) { /* the newest count */
			json_decref(one);
			r = 0;
			break;
		}
		if (json_array_append_new(list, one) != 0) {
			r = -ENOMEM;
			break;
		}
	}
	db_end(st);
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* 1: the version in force has these contents; 0: others. */
static int same_contents(struct sk_store *s, const char *device, const char *sha, const char *get, int64_t *version)
{
	struct db_rows *st = db_query(s, get, "s", device);
	int r = db_next(st);
	bool same = false;

	if (r == 1) {
		*version = db_number(st, 0);
		same = strcmp(db_text(st, 1), sha) == 0;
	}
	db_end(st);
	return r < 0 ? r : r == 0 ? -ENOENT : same;
}

/* Within the transaction in which the contents were read: another node that is at the same terminal has issued before, or does after. */
static int issue(struct sk_store *s, const char *device, const char *sha, const char *get, const char *set,
                 int64_t *version)
{
	int r = same_contents(s, device, sha, get, version);

	if (r != 0)
		return r < 0 ? r : 0;
	*version += 1;
	r = db_run(s, set, "iss", *version, sha, device);
	return r < 0 ? r : 0;
}

/* What else the office says to a terminal: a member of the body only while there is some, so that nobody's version rises for nothing. */
static int add_said(struct sk_store *s, const char *device, sk_ms now, json_t *body)
{
	static const struct {
		const char *name;
		json_t *(*now)(struct sk_store *s, const char *device, sk_ms now);
	} lists[] = {{"orders", orders_now}, {"settings", settings_now}, {"notices", notices_now}};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_t *list = lists[i].now(s, device, now);

		if (list == NULL)
			return -EIO;
		if (json_array_size(list) == 0)
			json_decref(list);
		else if (json_object_set_new(body, lists[i].name, list) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* For rules that name a section. */
static int add_section(struct sk_store *s, const char *device, json_t *body)
{
	struct db_rows *st = db_query(s, "SELECT unit FROM terminals WHERE id = ?", "s", device);
	int r = db_next(st);

	if (r == 1)
		r = json_object_set_new(body, "section", json_string(db_text(st, 0)));
	db_end(st);
	return r;
}

/* What the terminal is to know now, and its hash. NULL = failed. */
static json_t *grants_contents(struct sk_store *s, const char *device, sk_ms now, char sha[SK_SHA256_HEX])
{
	json_t *grants = grants_now(s, device, now), *media = media_now(s, device), *phone, *seal, *body;
	json_t *answers =
	    db_list(s,
	            "SELECT id, number, printf('%d-%04d', fiscal_year, fiscal_serial) AS label, state, reason FROM "
	            "(SELECT id, number, "
	            "fiscal_year, fiscal_serial, state, reason FROM requests WHERE "
	            "terminal = ? AND updated > ?"
	            " ORDER BY updated DESC, number DESC LIMIT ?) AS newest ORDER BY number",
	            "sii", device, now - ANSWERS_MS, (int64_t)ANSWERS_MAX);
	char *text;

	if (grants == NULL || answers == NULL || media == NULL) {
		json_decref(grants);
		json_decref(answers);
		json_decref(media);
		return NULL;
	}
	body = json_pack("{s:o,s:o,s:o}", "grants", grants, "requests", answers, "media", media);
	if (body != NULL && add_section(s, device, body) < 0) {
		json_decref(body);
		return NULL;
	}
	seal = container_public(s);
	if (body != NULL && seal != NULL)
		json_object_set(body, "seal_key", seal);
	json_decref(seal);
	phone = phone_body(s, device);
	if (body != NULL && phone != NULL)
		json_object_set(body, "phone", phone);
	json_decref(phone);
	if (body != NULL && add_said(s, device, now, body) < 0) {
		json_decref(body);
		return NULL;
	}
	text = body == NULL ? NULL : sk_json_text(body);
	if (text == NULL) {
		json_decref(body);
		return NULL;
	}
	sk_sha256_hex(text, strlen(text), sha);
	free(text);
	return body;
}

json_t *sk_store_grants_body(struct sk_store *s, const char *device, sk_ms now, int64_t *version)
{
	static const char get[] = "SELECT grants_version, grants_sha FROM terminals WHERE id = ?";
	char sha[SK_SHA256_HEX];
	json_t *body;
	int r;

	if (requests_expire(s, device, now) < 0)
		return NULL;
	body = grants_contents(s, device, now, sha);
	r = body == NULL ? -EIO : same_contents(s, device, sha, get, version);
	if (r == 1)
		return body;
	json_decref(body);
	if (r < 0 || db_begin(s) < 0)
		return NULL;
	body = grants_contents(s, device, now, sha);
	r = body == NULL ? -EIO
	                 : issue(s, device, sha, get,
	                         "UPDATE terminals SET grants_version = ?, grants_sha = ? WHERE id = ?", version);
	if (r >= 0)
		r = note_keys(s, device, json_object_get(body, "grants"), now);
	if (db_finish(s, r) >= 0)
		return body;
	json_decref(body);
	return NULL;
}

/* The policy text for this device (the caller's) and its hash: of its own unit, else of the nearest above that has one, else the office's. */
static int policy_contents(struct sk_store *s, const char *device, char **text, char sha[SK_SHA256_HEX])
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT p.text, p.sha FROM terminals t JOIN policies p ON p.unit = '' OR p.unit IN (SELECT w.above FROM "
	    "unit_within w WHERE w.unit = t.unit) WHERE t.id = ? ORDER BY (SELECT count(*) FROM unit_within d WHERE "
	    "d.unit = p.unit) DESC, p.id DESC LIMIT 1",
	    "s", device);
	int r = db_next(st);

	*text = NULL;
	if (r == 1) {
		*text = strdup(db_text(st, 0));
		db_copy(st, 1, sha, SK_SHA256_HEX);
	}
	db_end(st);
	if (r != 1)
		return r == 0 ? -ENOENT : r;
	return *text == NULL ? -ENOMEM : 0;
}

int sk_store_policy(struct sk_store *s, const char *device, char **text, int64_t *version)
{
	static const char get[] = "SELECT policy_version, policy_sha FROM terminals WHERE id = ?";
	char sha[SK_SHA256_HEX];
	char *copy;
	int r = policy_contents(s, device, &copy, sha);

	if (r == 0)
		r = same_contents(s, device, sha, get, version);
	if (r == 0 && (r = db_begin(s)) == 0) {
		free(copy);
		r = policy_contents(s, device, &copy, sha);
		if (r == 0)
			r = issue(s, device, sha, get,
			          "UPDATE terminals SET policy_version = ?, policy_sha = ? WHERE id = ?", version);
		r = db_finish(s, r);
	}
	if (r < 0) {
		free(copy);
		return r;
	}
	*text = copy;
	return 0;
}

int sk_store_policy_set(struct sk_store *s, const struct sk_actor *by, const char *unit, const char *text,
                        struct sk_err *err)
{
	sk_ms now = sk_clock_wall();
	char sha[SK_SHA256_HEX];
	int64_t one;
	int r;

	if (unit[0] != '\0' && db_int(s, &one, "SELECT 1 FROM units WHERE key = ?", "s", unit) != 0)
		return sk_err_set(err, -ENOENT, "section \"%s\" is not known; add it with: sekimori-server unit add",
		                  unit);
	sk_sha256_hex(text, strlen(text), sha);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "policy not stored");
	r = db_run(s, "INSERT INTO policies(unit, text, sha, created, by) VALUES(?,?,?,?,?)", "sssis", unit, text, sha,
	           now, by->user);
	if (r >= 0)
		r = audit_add(s, by, "policy.set", unit[0] == '\0' ? "office" : unit, json_pack("{s:s}", "sha256", sha),
		              now);
	r = db_finish(s, r < 0 ? r : 0);
	return r < 0 ? db_fail(s, err, r, "policy not stored") : 0;
}

int sk_store_version_raise(struct sk_store *s, const char *device, bool policy, int64_t held)
{
	struct sk_terminal t;
	struct sk_actor by;
	int64_t now_at;
	int r = sk_store_terminal_get(s, device, &t);

	if (r < 0)
		return r;
	now_at = policy ? t.policy_version : t.grants_version;
	r = db_begin(s);
	if (r < 0)
		return r;
	if (held < 0 || held >= SK_VERSION_MAX || held - now_at > RAISE_MOST) {
		/* Keyed by what is stored: asking again with other numbers does not fill the trail. */
		r = db_finish(s, incident_add(s, device, policy ? "version-policy" : "version-grants", now_at,
		                              "says it holds a version that was never issued", sk_clock_wall()));
		return r < 0 ? r : -ERANGE;
	}
	actor_device(&by, device);
	/* The hash is forgotten, so the next look issues the same contents under held + 1. */
	if (policy)
		r = db_run(
		    s,
		    "UPDATE terminals SET policy_version = ?1, policy_sha = '' WHERE id = ?2 AND policy_version < ?1",
		    "is", held, device);
	else
		r = db_run(
		    s,
		    "UPDATE terminals SET grants_version = ?1, grants_sha = '' WHERE id = ?2 AND grants_version < ?1",
		    "is", held, device);
	if (r > 0)
		r = audit_add(s, &by, "version.raise", device,
		              json_pack("{s:s,s:I}", "kind", policy ? "policy" : "grants", "held", (json_int_t)held),
		              sk_clock_wall());
	return db_finish(s, r < 0 ? r : 0);
}
