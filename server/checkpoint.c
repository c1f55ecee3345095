/* Making checkpoints and holding the trail against them. */
#include "server/checkpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/checkpoint_read.h"

int sk_checkpoint_tend(struct sk_store *s, const struct sk_sign_key *key, sk_ms now, bool anyhow)
{
	char head[SK_SHA256_HEX];
	int64_t records = 0, last = 0;
	sk_ms at = 0;
	char *envelope;
	json_t *body;
	int r = sk_store_audit_head(s, &records, head);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = sk_store_checkpoint_last(s, &last, &at);
	if (r < 0 && r != -ENOENT)
		return r;
	/* A clock that was set back makes one too many, never one too few. */
	if (records <= last ||
	    (!anyhow && records - last < SK_CHECKPOINT_LINES && now >= at && now - at < SK_CHECKPOINT_EVERY))
		return 0;
	body = json_pack("{s:I,s:s}", "records", (json_int_t)records, "head", head);
	envelope = body == NULL ? NULL : sk_bundle_sign(key, SK_CHECKPOINT_KIND, SK_NO_DEVICE, records, now, 0, body);
	json_decref(body);
	if (envelope == NULL)
		return -ENOMEM;
	r = sk_store_checkpoint_put(s, records, head, now, envelope);
	free(envelope);
	if (r < 0)
		return r;
	sk_log(SK_LOG_NOTICE, "checkpoint of the audit trail: %lld:%s", (long long)records, head);
	return 1;
}

struct against {
	struct sk_store *store;
	const struct sk_verify_key *key;
	int64_t good, at;
	const char *state;
};

static int hold(void *arg, const char *table, const json_t *row)
{
	struct against *a = arg;
	struct sk_checkpoint c;
	char hash[SK_SHA256_HEX];
	int r;

	(void)table;
	if (a->state[0] != 'o')
		return 0;
	if (sk_checkpoint_read(json_string_value(json_array_get(row, 0)), a->key, &c, NULL) < 0) {
		a->state = "signature";
		return 0;
	}
	r = sk_store_audit_at(a->store, c.records, hash);
	if (r < 0 && r != -ENOENT)
		return r;
	a->state = r == -ENOENT ? "cut" : strcmp(hash, c.head) != 0 ? "forged" : "ok";
	a->at = c.records;
	a->good += a->state[0] == 'o';
	return 0;
}

int sk_checkpoint_verify(struct sk_store *s, const struct sk_verify_key *key, json_t *findings)
{
	struct against a = {.store = s, .key = key, .state = "ok"};
	int r = sk_store_evidence(s, "checkpoint", hold, &a);

	if (r < 0)
		return r;
	return sk_checkpoint_finding(findings, "checkpoints", a.good, a.state, a.at);
}

int sk_checkpoint_known(struct sk_store *s, const char *noted, json_t *findings)
{
	char hash[SK_SHA256_HEX];
	struct sk_checkpoint c;
	int r = sk_checkpoint_noted(noted, &c);

	if (r < 0)
		return r;
	r = sk_store_audit_at(s, c.records, hash);
	if (r < 0 && r != -ENOENT)
		return r;
	return sk_checkpoint_finding(findings, "noted", r == 0,
	                             r == -ENOENT                ? "cut"
	                             : strcmp(hash, c.head) != 0 ? "forged"
	                                                         : "ok",
	                             c.records);
}
