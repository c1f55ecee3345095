/*
 * One registration at a time per device; each lives until the gate has looked, and holds nothing of the gate's. Of a container that is made
 * here the key is random, goes to the helper that makes it and, sealed to the server, into the event; then it is forgotten.
 */
#include "agent/media_register.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/daemon.h"
#include "agent/holder.h"
#include "common/json.h"
#include "common/text.h"
#include "policy/ledger.h"

#define LABEL_MAX 120

struct job {
	struct sk_daemon *d;
	uint64_t client;
	json_t *body; /* of the event, without what the look brings */
	bool container; /* it was made one */
};

static json_t *refusal(int r, bool container)
{
	switch (r) {
	case -ENODATA:
		return sk_answer_error("invalid",
		                       "nothing on it has an identity of its own; format it first (one medium, with a "
		                       "file system or a LUKS container)");
	case -ETIMEDOUT:
		return sk_answer_error("failed", "no medium appeared in it; is one inside?");
	case -ENODEV:
		return sk_answer_error("not-found", "it was unplugged");
	default:
		return container ? sk_answer_error("failed", "it could not be made a container; the record says why")
		                 : sk_answer_error("failed", "what is on it could not be read");
	}
}

/* One container over the whole medium, and nothing else. */
static bool is_container(const json_t *facts)
{
	const json_t *v = json_object_get(facts, "volumes"), *one = json_array_get(v, 0);
	const char *type = json_string_value(json_object_get(one, "type"));

	return json_array_size(v) == 1 && type != NULL && strcmp(type, "crypto_LUKS") == 0 &&
	       json_integer_value(json_object_get(one, "start")) == 0;
}

static void on_looked(void *arg, int result, const char *media_key, const json_t *facts)
{
	struct job *j = arg;
	json_t *answer;
	int r = result == 0 && j->container && !is_container(facts) ? -EIO : result;

	if (r == 0) {
		(void)json_object_set_new(j->body, "media_key", json_string(media_key));
		(void)json_object_set(j->body, "volumes", json_object_get(facts, "volumes"));
		(void)json_object_set(j->body, "size", json_object_get(facts, "bytes"));
		r = sk_daemon_record(j->d, "media.registered-request", j->body);
		answer = r == 0 ? json_pack("{s:b, s:O}", "ok", 1, "medium", j->body)
		                : sk_answer_error("failed", "it could not be recorded: %s", strerror(-r));
	} else {
		answer = refusal(r, j->container);
	}
	if (j->d->control != NULL)
		(void)sk_socket_answer(j->d->control, j->client, answer);
	else
		json_decref(answer);
	json_decref(j->body);
	free(j);
}

static int read_request(const json_t *q, const char **device, const char **ledger, const char **label,
                        struct sk_err *err)
{
	char shown[LABEL_MAX * 4 + 8];
	int r = sk_json_str(q, "device", 1, 63, device, err);

	*ledger = *label = "";
	if (r == 0)
		r = sk_json_str(q, "ledger", 1, SK_LEDGER_LEN - 1, ledger, err);
	if (r == 0)
		r = sk_json_str_opt(q, "label", LABEL_MAX, label, err);
	if (r < 0)
		return r;
	if (!sk_ledger_is_number(*ledger))
		return sk_err_set(err, -EINVAL,
		                  "field ledger: letters, digits, \".\", \"_\" and \"-\", beginning with a letter "
		                  "or digit");
	(void)sk_text_printable(shown, sizeof(shown), *label, strlen(*label));
	return strcmp(shown, *label) == 0 ? 0 : sk_err_set(err, -EINVAL, "field label: control characters");
}

static int new_job(struct sk_daemon *d, uint64_t client, struct job **out, struct sk_err *err)
{
	struct job *j;

	if (!d->trust.enrolled)
		return sk_err_set(err, -EPERM, "this terminal is not enrolled: no server would hear of it");
	if (d->gate == NULL)
		return sk_err_set(err, -ENOENT, "nothing is attached");
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return sk_err_set(err, -ENOMEM, "no memory");
	j->d = d;
	j->client = client;
	*out = j;
	return 0;
}

static void name_it(struct job *j, const char *ledger, const char *label)
{
	(void)json_object_set_new(j->body, "ledger", json_string(ledger));
	(void)json_object_set_new(j->body, "label", json_string(label));
	(void)json_object_set_new(j->body, "zone", json_string(sk_zone_name(sk_holder_policy(j->d->holder)->zone)));
}

int sk_media_register(struct sk_daemon *d, uint64_t client, const json_t *request, struct sk_err *err)
{
	const char *device, *ledger, *label;
	struct job *j = NULL;
	int r = read_request(request, &device, &ledger, &label, err);

	if (r == 0)
		r = new_job(d, client, &j, err);
	if (r < 0 || j == NULL)
		return r;
	r = sk_gate_look(d->gate, device, on_looked, j, &j->body, err);
	if (r < 0) {
		free(j);
		return r;
	}
	name_it(j, ledger, label);
	return 0;
}

/* A key for a new container, and the same for the server alone. */
static int make_key(struct sk_daemon *d, const char *ledger, uint8_t key[SK_SEAL_KEY], char sealed[SK_SEALED_KEY_HEX],
                    struct sk_err *err)
{
	const struct sk_grants *g = sk_holder_grants(d->holder, sk_daemon_now(d));
	uint8_t raw[SK_SEAL_KEY + SK_SEAL_MORE];
	char context[SK_SEAL_CONTEXT];

	if (g == NULL || !g->has_server_key)
		return sk_err_set(err, -ENOKEY,
		                  "the server has not told this terminal the key for containers yet; `sekimori status` "
		                  "says whether it is connected");
	if (sk_random(key, SK_SEAL_KEY) < 0)
		return sk_err_set(err, -EIO, "no random bytes");
	sk_seal_context_made(context, d->trust.device, ledger);
	if (sk_seal(g->server_key, context, NULL, key, SK_SEAL_KEY, raw) < 0)
		return sk_err_set(err, -EIO, "the key cannot be sealed to the server");
	sk_hex(raw, sizeof(raw), sealed);
	return 0;
}

static int prepare(struct job *j, const char *device, const char *ledger, char sealed[SK_SEALED_KEY_HEX],
                   struct sk_err *err)
{
	struct sk_gate_prepare with = {.key = {0}};
	int r;

	(void)mlock(&with, sizeof(with));
	sk_text_copy(with.label, sizeof(with.label), ledger);
	r = make_key(j->d, ledger, with.key, sealed, err);
	if (r == 0)
		r = sk_gate_prepare(j->d->gate, device, &with, on_looked, j, &j->body, err);
	explicit_bzero(&with, sizeof(with));
	(void)munlock(&with, sizeof(with));
	return r;
}

int sk_media_prepare(struct sk_daemon *d, uint64_t client, const json_t *request, struct sk_err *err)
{
	const char *device, *ledger, *label;
	char sealed[SK_SEALED_KEY_HEX];
	struct job *j = NULL;
	int r = read_request(request, &device, &ledger, &label, err);

	if (r == 0 && !json_is_true(json_object_get(request, "erase")))
		r = sk_err_set(err, -EINVAL, "field erase: must be true; everything on the medium is lost");
	if (r == 0)
		r = new_job(d, client, &j, err);
	if (r < 0 || j == NULL)
		return r;
	j->container = true;
	r = prepare(j, device, ledger, sealed, err);
	if (r < 0) {
		free(j);
		return r;
	}
	name_it(j, ledger, label);
	(void)json_object_set_new(j->body, "container_key", json_string(sealed));
	return 0;
}
