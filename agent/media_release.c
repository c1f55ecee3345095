#include "agent/media_release.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/daemon.h"
#include "agent/holder.h"
#include "common/i18n.h"
#include "common/json.h"
#include "policy/release.h"

#define GIVEN "released" /* meta of the journal: {grant: ms} */

struct job {
	struct sk_daemon *d;
	uint64_t client;
	json_t *body; /* of the events */
	char passphrase[SK_RELEASE_LEN];
};

/* ---- the grants it was done under ---- */

static json_t *given(struct sk_daemon *d)
{
	json_t *all = NULL;
	struct sk_buf b;

	sk_buf_init(&b, SK_EVENT_BODY_MAX);
	if (sk_journal_meta_get(d->journal, GIVEN, &b) == 0)
		(void)sk_json_parse(b.data, b.len, SK_EVENT_BODY_MAX, &all, NULL);
	sk_buf_deinit(&b);
	return json_is_object(all) ? all : json_object();
}

static bool was_given(void *arg, const char *grant)
{
	json_t *all = given(arg);
	bool found = json_object_get(all, grant) != NULL;

	json_decref(all);
	return found;
}

static bool still_there(struct sk_daemon *d, const char *grant)
{
	const struct sk_grants *g = sk_holder_grants(d->holder, sk_daemon_now(d));

	for (size_t i = 0; g != NULL && i < g->n; i++)
		if (strcmp(g->items[i].id, grant) == 0)
			return true;
	return false;
}

/* Grants that are gone are forgotten: their ids do not come again. */
static int keep(struct sk_daemon *d, const char *grant, bool is_given)
{
	json_t *all = given(d), *v;
	const char *id;
	void *next;
	char *text;
	int r;

	json_object_foreach_safe(all, next, id, v)
	{
		if (!still_there(d, id))
			(void)json_object_del(all, id);
	}
	if (is_given)
		(void)json_object_set_new(all, grant, json_integer((json_int_t)sk_daemon_now(d)));
	else
		(void)json_object_del(all, grant);
	text = json_dumps(all, JSON_COMPACT);
	r = text != NULL ? sk_journal_meta_set(d->journal, GIVEN, text) : -ENOMEM;
	free(text);
	json_decref(all);
	return r;
}

/* ---- its end ---- */

static void free_job(struct job *j)
{
	json_decref(j->body);
	explicit_bzero(j->passphrase, sizeof(j->passphrase));
	(void)munlock(j, sizeof(*j));
	free(j);
}

static void on_added(void *arg, int result, const char *why)
{
	struct job *j = arg;
	json_t *answer;

	if (result == 0)
		result = sk_daemon_record(j->d, "medium.released", j->body);
	if (result == 0) {
		answer = json_pack("{s:b, s:s, s:O}", "ok", 1, "passphrase", j->passphrase, "recipient",
		                   json_object_get(j->body, "recipient"));
	} else {
		(void)json_object_set_new(j->body, "why",
		                          json_string(why != NULL ? why : N_("it could not be recorded")));
		(void)sk_daemon_record(j->d, "medium.not-released", j->body);
		/* What is known not to have been added may be tried again. */
		if (result == -EIO && why != NULL)
			(void)keep(j->d, json_string_value(json_object_get(j->body, "grant")), false);
		answer = sk_answer_error("failed", "%s", json_string_value(json_object_get(j->body, "why")));
	}
	if (j->d->control != NULL)
		(void)sk_socket_answer(j->d->control, j->client, answer);
	else
		json_decref(answer);
	free_job(j);
}

/* ---- its beginning ---- */

static int begin(struct job *j, const char *device, struct sk_err *err)
{
	const char *grant = json_string_value(json_object_get(j->body, "grant"));
	uint8_t random[SK_RELEASE_RANDOM];
	int r = sk_random(random, sizeof(random));

	if (r < 0)
		return sk_err_set(err, -EIO, "no random bytes");
	sk_release_passphrase(random, j->passphrase);
	explicit_bzero(random, sizeof(random));
	r = keep(j->d, grant, true);
	if (r == 0)
		r = sk_daemon_record(j->d, "medium.releasing", j->body);
	if (r < 0) {
		(void)keep(j->d, grant, false);
		return sk_err_set(err, r, "it could not be recorded, so no passphrase is given");
	}
	r = sk_gate_release(j->d->gate, device, j->passphrase, on_added, j, err);
	if (r < 0) {
		(void)keep(j->d, grant, false);
		(void)json_object_set_new(j->body, "why", json_string(err->text));
		(void)sk_daemon_record(j->d, "medium.not-released", j->body);
	}
	return r;
}

int sk_media_release(struct sk_daemon *d, uint64_t client, const char *person, const json_t *request,
                     struct sk_err *err)
{
	struct sk_gate_release e = {.person = person, .recipient = "", .before = was_given, .arg = d};
	struct job *j;
	int r = sk_json_str(request, "device", 1, 63, &e.device, err);

	if (r == 0)
		r = sk_json_str_opt(request, "recipient", 2 * SK_RELEASE_RECIPIENT, &e.recipient, err);
	if (r < 0)
		return r;
	if (d->gate == NULL)
		return sk_err_set(err, -ENOENT, "nothing is attached");
	j = calloc(1, sizeof(*j));
	if (j == NULL)
		return sk_err_set(err, -ENOMEM, "no memory");
	(void)mlock(j, sizeof(*j));
	j->d = d;
	j->client = client;
	r = sk_gate_may_release(d->gate, &e, &j->body, err);
	if (r == 0)
		r = begin(j, e.device, err);
	if (r < 0)
		free_job(j);
	return r;
}
