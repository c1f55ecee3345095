/* Whom to tell, and where: notices (agent/notify.h), desktops (agent/watch.h), text consoles (platform/tty.h). */
#include "agent/tell.h"

#include <errno.h>
#include <string.h>

#include "agent/requests.h"
#include "agent/watch.h"
#include "common/json.h"
#include "platform/tty.h"

static void answer(void *ctx, uint64_t client, json_t *a)
{
	(void)sk_socket_answer(((struct sk_daemon *)ctx)->control, client, a);
}

static bool connected(void *ctx, uint64_t client)
{
	return sk_socket_connected(((struct sk_daemon *)ctx)->control, client);
}

static void console(void *ctx, const char *plain, const char *full)
{
	struct sk_daemon *d = ctx;

	d->told = !d->quiet && d->tty && sk_tty_tell(d->tty, plain, full) > 0;
}

int sk_tell_start(struct sk_daemon *d)
{
	const struct sk_watch_hooks hooks = {.ctx = d, .answer = answer, .connected = connected};
	int r = sk_tty_new(d->loop, &d->tty);

	d->notices.tell = console;
	d->notices.ctx = d;
	return r < 0 ? r : sk_watch_new(&hooks, &d->watch);
}

void sk_tell_stop(struct sk_daemon *d)
{
	d->watch = sk_watch_free(d->watch);
	d->tty = sk_tty_free(d->tty);
}

static const char *sitting(const struct sk_daemon *d)
{
	return d->gate ? sk_gate_active(d->gate) : "";
}

void sk_tell(struct sk_daemon *d, const char *person, const char *kind, const json_t *body)
{
	const char *here = sitting(d);
	json_t *notice = sk_notice(kind, body);
	bool desktop;

	if (!notice)
		return;

	if (!person)
		person = here;
	desktop = sk_watch_listens(d->watch, person);
	d->quiet = desktop || strcmp(person, here) != 0;
	d->told = false;
	sk_notify(&d->notices, notice, sk_daemon_now(d));
	if (d->watch)
		sk_watch_put(d->watch, person, json_incref(notice), d->told, sk_daemon_now(d));
	json_decref(notice);
	d->quiet = false;
}

json_t *sk_tell_watch(struct sk_daemon *d, const struct sk_peer *peer, uint64_t client, const json_t *q, bool *later)
{
	struct sk_err err = SK_ERR_INIT;
	const char *stream = NULL;
	long long after = 0;
	char person[64];
	json_t *a;

	if (sk_json_str_opt(q, "stream", 32, &stream, &err) < 0 ||
	    sk_json_int_opt(q, "after", 0, INT64_MAX, &after, &err) < 0)
		return sk_answer_error("invalid", "%s", err.text);
	if (!d->watch || sk_login_name(peer->uid, person, sizeof person) < 0)
		return sk_answer_error("denied", "uid %u has no login name", peer->uid);
	a = sk_watch_ask(d->watch,
	                 &(struct sk_watch_question){.client = client,
	                                             .uid = peer->uid,
	                                             .person = person,
	                                             .active = !strcmp(person, sitting(d)),
	                                             .stream = stream,
	                                             .after = after},
	                 sk_daemon_now(d));
	*later = a == NULL;
	return a;
}
