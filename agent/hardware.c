/* See hardware.h. */
#include "agent/hardware.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/daemon.h"
#include "common/json.h"
#include "common/log.h"
#include "policy/check.h"
#include "platform/inventory.h"

#define META   "hardware.accepted"
#define REASON 500

/* Of the list that the record knows. */
static int read_list(struct sk_daemon *d, struct sk_inventory *v, char hash[SK_SHA256_HEX])
{
	int r = sk_inventory_read_at(d->config.state, "hardware.list", v);

	if (r == 0)
		sk_inventory_hash(v, hash);
	return r;
}

static int accept_list(struct sk_daemon *d, const struct sk_inventory *v, const char *hash, json_t *body)
{
	int r = body ? sk_daemon_record(d, "hardware.accepted", body) : -ENOMEM;

	json_decref(body);
	if (r == 0)
		r = sk_inventory_write_at(d->config.state, "hardware.baseline", v);
	if (r == 0)
		r = sk_journal_meta_set(d->journal, META, hash);
	return r;
}

int sk_hardware_accept(struct sk_daemon *d, const char *person, const json_t *request, struct sk_err *err)
{
	const char *wanted = NULL, *reason = NULL;
	char hash[SK_SHA256_HEX];
	struct sk_inventory v;
	int r = sk_json_str(request, "hash", 64, 64, &wanted, err);

	if (r == 0)
		r = sk_json_str(request, "reason", 1, REASON, &reason, err);
	if (r < 0)
		return r;
	r = read_list(d, &v, hash);
	if (r < 0)
		return sk_err_set(err, r, "the hardware was not listed yet: run the check first");
	if (strcmp(hash, wanted) != 0)
		r = sk_err_set(err, -ENOENT,
		               "the hardware is another by now, or not recorded yet: look at the check again");
	if (r == 0)
		r = accept_list(d, &v, hash,
		                json_pack("{s:s, s:s, s:I, s:s, s:s}", "hash", hash, "cause", "accepted", "lines",
		                          (json_int_t)v.n, "person", person, "reason", reason));
	sk_inventory_clear(&v);
	if (r < 0 && !err->text[0])
		return sk_err_set(err, r, "it could not be recorded: %s", strerror(-r));
	return r;
}

void sk_hardware_first(struct sk_daemon *d)
{
	const struct sk_check_params *p = &sk_holder_policy(d->holder)->checks;
	char hash[SK_SHA256_HEX];
	struct sk_inventory v, old;
	struct sk_buf meta;

	sk_buf_init(&meta, 80);
	bool known = sk_journal_meta_get(d->journal, META, &meta) == 0 && meta.len > 0;
	sk_buf_deinit(&meta);
	/* A list that was accepted and is gone is not made anew by itself. */
	if (known || !sk_check_param(p, "hardware", "first")->n ||
	    !sk_check_set_of(p, sk_check_find("hardware"))->applies)
		return;
	int r = sk_inventory_read_at(d->config.state, "hardware.baseline", &old);
	sk_inventory_clear(&old);
	if (r != -ENOENT || read_list(d, &v, hash) < 0)
		return;
	r = accept_list(d, &v, hash,
	                json_pack("{s:s, s:s, s:I}", "hash", hash, "cause", "first", "lines", (json_int_t)v.n));
	sk_inventory_clear(&v);
	if (r == 0 && d->posture)
		(void)sk_posture_run_now(d->posture, "hardware");
	if (r < 0)
		sk_log(SK_LOG_WARNING, "hardware: the first list could not be accepted: %s", strerror(-r));
}
