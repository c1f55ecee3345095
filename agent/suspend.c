/* The list first, the account second: a crash in between leaves somebody shut out by the list, never let in by mistake. */
#include "agent/suspend.h"

#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "common/text.h"
#include "platform/child.h"

#define NAME       "suspended"
#define MAX        64
#define UID_PEOPLE 1000

struct sk_suspend {
	sd_event *loop;
	struct sk_suspend_hooks hooks;
	char usermod[128], login[64];
	json_t *list; /* {login: expiry before, or null where the account is not local} */
	bool on;
	struct sk_child *child;
	sk_suspend_done *done;
	void *arg;
};

int sk_suspend_expiry(void *ctx, const char *login, char out[16])
{
	struct spwd sp, *found = NULL;
	struct passwd pw, *who = NULL;
	char buf[4096];
	struct tm tm;
	time_t at;

	(void)ctx;
	if (getpwnam_r(login, &pw, buf, sizeof buf, &who) == 0 && who && who->pw_uid < UID_PEOPLE)
		return -EPERM;
	if (getspnam_r(login, &sp, buf, sizeof buf, &found) != 0 || !found)
		return -ENOENT;
	out[0] = '\0';
	at = (time_t)sp.sp_expire * 86400;
	if (sp.sp_expire > 1 && gmtime_r(&at, &tm))
		(void)strftime(out, 16, "%Y-%m-%d", &tm);
	return 0;
}

static int store(struct sk_suspend *s)
{
	char *text = sk_json_text(s->list);
	int r = text ? s->hooks.set(s->hooks.ctx, NAME, text) : -ENOMEM;

	free(text);
	return r;
}

static void finish(struct sk_suspend *s, bool ok, const char *why)
{
	sk_suspend_done *done = s->done;

	s->done = NULL;
	if (ok && !s->on) {
		json_object_del(s->list, s->login);
		(void)store(s);
	}
	if (done)
		done(s->arg, ok, why);
}

static void on_child(void *arg, int status, const char *output, size_t len)
{
	struct sk_suspend *s = arg;

	(void)output;
	(void)len;
	s->child = NULL;
	finish(s, status == 0,
	       status == 0 ? ""
	       : s->on     ? "usermod failed; sessions are ended all the same"
	                   : "usermod failed");
}

static int on_defer(sd_event_source *source, void *arg)
{
	(void)source;
	finish(arg, true, "not a local account; its sessions are ended");
	return 0;
}

static int run(struct sk_suspend *s, const char *expiry)
{
	const char *argv[] = {s->usermod, "--expiredate", expiry, "--", s->login, NULL};

	return sk_child_start(s->loop, argv, 20000, on_child, s, &s->child);
}

/* What to give back later; kept when somebody is suspended twice. */
static int note(struct sk_suspend *s, const char *login, const char *expiry)
{
	if (json_object_get(s->list, login))
		return 0;
	if (json_object_size(s->list) >= MAX)
		return -ENOSPC;
	json_object_set_new(s->list, login, expiry ? json_string(expiry) : json_null());
	return store(s);
}

int sk_suspend_set(struct sk_suspend *s, const char *login, bool on, sk_suspend_done *done, void *arg)
{
	const json_t *before = json_object_get(s->list, login);
	const char *expiry = json_string_value(before);
	char now[16] = "";
	int r = s->done ? -EBUSY : s->hooks.expiry(s->hooks.ctx, login, now);
	bool local = r == 0;

	if (r == -EBUSY || r == -EPERM)
		return r;
	if (on && (r = note(s, login, local ? now : NULL)) < 0)
		return r;
	sk_text_copy(s->login, sizeof s->login, login);
	s->on = on;
	s->done = done;
	s->arg = arg;
	/* What was not suspended here is not opened here either. */
	if (local && (on || before)) {
		r = run(s, on ? "1" : expiry ? expiry : "");
		if (r < 0)
			s->done = NULL;
		return r;
	}
	r = sd_event_add_defer(s->loop, NULL, on_defer, s);
	if (r < 0)
		s->done = NULL;
	return r < 0 ? r : 0;
}

bool sk_suspend_is(const struct sk_suspend *s, const char *person)
{
	return s && person[0] && json_object_get(s->list, person) != NULL;
}

int sk_suspend_new(sd_event *loop, const struct sk_suspend_hooks *hooks, struct sk_suspend **out)
{
	struct sk_suspend *s = calloc(1, sizeof *s);
	struct sk_buf text;

	if (!s)
		return -ENOMEM;
	s->loop = loop;
	s->hooks = *hooks;
	sk_text_copy(s->usermod, sizeof s->usermod, hooks->usermod);
	sk_buf_init(&text, 16384);
	if (hooks->get(hooks->ctx, NAME, &text) == 0)
		(void)sk_json_parse(text.data, text.len, 16384, &s->list, NULL);
	sk_buf_deinit(&text);
	if (!json_is_object(s->list)) {
		json_decref(s->list);
		s->list = json_object();
	}
	if (!s->list) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

struct sk_suspend *sk_suspend_free(struct sk_suspend *s)
{
	if (!s)
		return NULL;
	sk_child_cancel(s->child);
	json_decref(s->list);
	free(s);
	return NULL;
}
