/* See accepted.h. */
#include "agent/accepted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/daemon.h"
#include "common/json.h"
#include "common/log.h"
#include "policy/check.h"
#include "platform/inventory.h"

#define REASON 500

static const char *const ids[] = {"hardware", "antivirus-settings"};

bool sk_accepted_has(const char *id)
{
	for (size_t i = 0; id && i < sizeof ids / sizeof *ids; i++)
		if (strcmp(id, ids[i]) == 0)
			return true;
	return false;
}

static const char *with(const char *id, const char *ending, char out[64])
{
	snprintf(out, 64, "%.40s%s", id, ending);
	return out;
}

/* Of the list that the record knows. */
static int read_list(struct sk_daemon *d, const char *id, struct sk_inventory *v, char hash[SK_SHA256_HEX])
{
	char name[64];
	int r = sk_inventory_read_at(d->config.state, with(id, ".list", name), v);

	if (r == 0)
		sk_inventory_hash(v, hash);
	return r;
}

/* body: stolen. */
static int accept_list(struct sk_daemon *d, const char *id, const struct sk_inventory *v, const char *hash,
                       json_t *body)
{
	char name[64];
	int r = body ? sk_daemon_record(d, "inventory.accepted", body) : -ENOMEM;

	json_decref(body);
	if (r == 0)
		r = sk_inventory_write_at(d->config.state, with(id, ".baseline", name), v);
	if (r == 0)
		r = sk_journal_meta_set(d->journal, with(id, ".accepted", name), hash);
	return r;
}

int sk_accept(struct sk_daemon *d, const char *person, const json_t *request, struct sk_err *err)
{
	const char *wanted = NULL, *reason = NULL, *id = "hardware";
	char hash[SK_SHA256_HEX] = "";
	struct sk_inventory v;
	int r = sk_json_str(request, "hash", 64, 64, &wanted, err);

	if (r == 0)
		r = sk_json_str(request, "reason", 1, REASON, &reason, err);
	if (r == 0)
		r = sk_json_str_opt(request, "check", 40, &id, err);
	if (r == 0 && !sk_accepted_has(id))
		r = sk_err_set(err, -EINVAL, "field check: no list is accepted for it");
	if (r < 0)
		return r;
	r = read_list(d, id, &v, hash);
	if (r < 0)
		return sk_err_set(err, r, "it was not listed yet: run the check first");
	if (strcmp(hash, wanted) != 0)
		r = sk_err_set(err, -ENOENT, "it is another by now, or not recorded yet: look at the check again");
	if (r == 0)
		r = accept_list(d, id, &v, hash,
		                json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "id", id, "hash", hash, "cause", "accepted",
		                          "lines", (json_int_t)v.n, "person", person, "reason", reason));
	sk_inventory_clear(&v);
	if (r < 0 && !err->text[0])
		return sk_err_set(err, r, "it could not be recorded: %s", strerror(-r));
	if (r == 0 && d->posture)
		(void)sk_posture_run_now(d->posture, id);
	return r;
}

void sk_accept_first(struct sk_daemon *d, const char *id)
{
	const struct sk_check_params *p = &sk_holder_policy(d->holder)->checks;
	char hash[SK_SHA256_HEX], name[64];
	struct sk_inventory v, old;
	struct sk_buf meta;

	sk_buf_init(&meta, 80);
	bool known = sk_journal_meta_get(d->journal, with(id, ".accepted", name), &meta) == 0 && meta.len > 0;
	sk_buf_deinit(&meta);
	/* A list that was accepted and is gone is not made anew by itself. */
	if (known || !sk_check_param(p, id, "first")->n || !sk_check_set_of(p, sk_check_find(id))->applies)
		return;
	int r = sk_inventory_read_at(d->config.state, with(id, ".baseline", name), &old);
	sk_inventory_clear(&old);
	if (r != -ENOENT || read_list(d, id, &v, hash) < 0)
		return;
	r = accept_list(
	    d, id, &v, hash,
	    json_pack("{s:s, s:s, s:s, s:I}", "id", id, "hash", hash, "cause", "first", "lines", (json_int_t)v.n));
	sk_inventory_clear(&v);
	if (r == 0 && d->posture)
		(void)sk_posture_run_now(d->posture, id);
	if (r < 0)
		sk_log(SK_LOG_WARNING, "%s: the first list could not be accepted: %s", id, strerror(-r));
}
