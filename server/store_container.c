/*
 * Keys of the organisation's containers (grade A). The ledger holds each key sealed to this server, as the terminal that made it sent it; the
 * server's secret half is a file of its own in the state folder (server/container_master.h) and stands in no table. For a grant the key is opened and sealed to the
 * terminal's own key, which is kept as it was first told: another one later is an incident, and gets nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/seal.h"
#include "server/store_inside.h"
#include "server/store_media.h"

#define SEALED (SK_SEAL_KEY + SK_SEAL_MORE)

void sk_store_set_container(struct sk_store *s, const uint8_t secret[SK_SEAL_KEY])
{
	memcpy(s->container, secret, SK_SEAL_KEY);
	s->has_container = true;
}

json_t *container_public(const struct sk_store *s)
{
	uint8_t public[SK_SEAL_KEY];
	char hex[2 * SK_SEAL_KEY + 1];

	if (!s->has_container)
		return NULL;
	sk_seal_public(s->container, public);
	sk_hex(public, sizeof(public), hex);
	return json_string(hex);
}

static int open_made(const struct sk_store *s, const char *sealed, const char *device, const char *ledger,
                     uint8_t key[SK_SEAL_KEY])
{
	uint8_t raw[SEALED];
	char context[SK_SEAL_CONTEXT];

	if (!s->has_container)
		return -ENOKEY;
	if (sk_unhex(sealed, raw, sizeof(raw)) < 0)
		return -EBADMSG;
	sk_seal_context_made(context, device, ledger);
	return sk_unseal(s->container, context, raw, sizeof(raw), key);
}

int container_check(const struct sk_store *s, const char *sealed, const char *device, const char *ledger)
{
	uint8_t key[SK_SEAL_KEY];
	int r = open_made(s, sealed, device, ledger, key);

	explicit_bzero(key, sizeof(key));
	return r;
}

int container_seal(const struct sk_store *s, const struct container_of *c, const char *device, const char *ledger,
                   char out[SK_SEALED_KEY_HEX])
{
	uint8_t key[SK_SEAL_KEY], seed[SK_SEAL_KEY], to[SK_SEAL_KEY], raw[SEALED];
	char context[SK_SEAL_CONTEXT];
	int r = sk_unhex(c->to, to, sizeof(to)) < 0 ? -ENOKEY : open_made(s, c->sealed, c->from, c->as, key);

	if (r < 0)
		return r;
	sk_derive(s->container, "container-seals", seed);
	sk_seal_context_grant(context, device, ledger);
	r = sk_seal(to, context, seed, key, sizeof(key), raw);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(seed, sizeof(seed));
	if (r == 0)
		sk_hex(raw, sizeof(raw), out);
	return r;
}

int container_sent(struct sk_store *s, const char *grant, const char *device, const char *ledger, sk_ms now)
{
	struct sk_actor by;
	char object[64];
	int r = db_run(
	    s, "INSERT INTO container_sent(id, ledger, terminal, time) VALUES(?,?,?,?) ON CONFLICT(id) DO NOTHING",
	    "sssi", grant, ledger, device, now);

	if (r <= 0)
		return r;
	actor_system(&by);
	snprintf(object, sizeof(object), "medium:%s", ledger);
	return audit_add(s, &by, "medium.key-sent", object, json_pack("{s:s, s:s}", "grant", grant, "terminal", device),
	                 now);
}

static int keep(struct sk_store *s, const char *device, const char *key, const struct sk_event *e, sk_ms now)
{
	struct sk_actor by;
	int64_t same = 0;
	int r = db_run(s, "INSERT INTO seal_keys(terminal, key, since) VALUES(?,?,?) ON CONFLICT(terminal) DO NOTHING",
	               "ssi", device, key, now);

	if (r > 0) {
		actor_device(&by, device);
		return audit_add(s, &by, "terminal.seal-key", device, json_pack("{s:s}", "key", key), now);
	}
	if (r == 0)
		r = db_int(s, &same, "SELECT count(*) FROM seal_keys WHERE terminal = ? AND key = ?", "ss", device,
		           key);
	if (r == 0 && same == 0)
		r = incident_add(
		    s, device, "seal-key", e->seq,
		    "the terminal tells another sealing key; containers are sealed to the first one until it is "
		    "enrolled again",
		    now);
	return r;
}

int seal_key_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	struct sk_err err = SK_ERR_INIT;
	uint8_t raw[SK_SEAL_KEY];
	const char *key = "";
	json_t *body = NULL;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, &err);

	if (r == 0)
		r = sk_json_str(body, "key", (size_t)2 * SK_SEAL_KEY, (size_t)2 * SK_SEAL_KEY, &key, &err);
	if (r == 0 && sk_unhex(key, raw, sizeof(raw)) < 0)
		r = sk_err_set(&err, -EINVAL, "field key: not 64 hexadecimal digits");
	if (r == 0)
		r = keep(s, device, key, e, now);
	else if (r != -ENOMEM)
		r = incident_add(s, device, "seal-key", e->seq, err.text, now);
	json_decref(body);
	return r;
}
