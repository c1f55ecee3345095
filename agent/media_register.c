/* One registration at a time per device; each lives until the gate has looked, and holds nothing of the gate's. */
#include "agent/media_register.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/daemon.h"
#include "common/json.h"
#include "common/text.h"
#include "policy/ledger.h"

#define LABEL_MAX 120

struct job {
	struct sk_daemon *d;
	uint64_t client;
	json_t *body; /* of the event, without what the look brings */
};

static json_t *refusal(int r)
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
		return sk_answer_error("failed", "what is on it could not be read");
	}
}

static void on_looked(void *arg, int result, const char *media_key, const json_t *facts)
{
	struct job *j = arg;
	json_t *answer;
	int r = result;

	if (r == 0) {
		(void)json_object_set_new(j->body, "media_key", json_string(media_key));
		(void)json_object_set(j->body, "volumes", json_object_get(facts, "volumes"));
		(void)json_object_set(j->body, "size", json_object_get(facts, "bytes"));
		r = sk_daemon_record(j->d, "media.registered-request", j->body);
		answer = r == 0 ? json_pack("{s:b, s:O}", "ok", 1, "medium", j->body)
		                : sk_answer_error("failed", "it could not be recorded: %s", strerror(-r));
	} else {
		answer = refusal(r);
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

int sk_media_register(struct sk_daemon *d, uint64_t client, const json_t *request, struct sk_err *err)
{
	const char *device, *ledger, *label;
	struct job *j;
	int r = read_request(request, &device, &ledger, &label, err);

	if (r < 0)
		return r;
	if (!d->trust.enrolled)
		return sk_err_set(err, -EPERM, "this terminal is not enrolled: no server would hear of it");
	if (d->gate == NULL)
		return sk_err_set(err, -ENOENT, "nothing is attached");
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return sk_err_set(err, -ENOMEM, "no memory");
	j->d = d;
	j->client = client;
	r = sk_gate_look(d->gate, device, on_looked, j, &j->body, err);
	if (r < 0) {
		free(j);
		return r;
	}
	(void)json_object_set_new(j->body, "ledger", json_string(ledger));
	(void)json_object_set_new(j->body, "label", json_string(label));
	return 0;
}
