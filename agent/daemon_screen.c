/* Hooks between agent/screen.h and the rest of sekimorid. */
#include "agent/daemon_screen.h"

#include <stdio.h>
#include <string.h>

#include "agent/office.h"
#include "agent/screen.h"
#include "common/log.h"

static const struct sk_check_params *params(void *ctx)
{
	return &sk_holder_policy(((struct sk_daemon *)ctx)->holder)->checks;
}

static sk_ms now(void *ctx)
{
	return sk_daemon_now(ctx);
}

static void record(void *ctx, const char *kind, json_t *body)
{
	sk_daemon_record_new(ctx, kind, body);
}

static void permits_changed(void *ctx)
{
	struct sk_daemon *d = ctx;

	if (d->posture)
		sk_posture_policy_changed(d->posture);
}

static bool suspended(void *ctx, const char *person)
{
	return sk_office_suspended(ctx, person);
}

static void arrived(void *ctx, const char *person)
{
	sk_office_arrived(ctx, person);
}

int sk_daemon_screen_start(struct sk_daemon *d)
{
	const struct sk_screen_hooks hooks = {.ctx = d,
	                                      .params = params,
	                                      .now = now,
	                                      .record = record,
	                                      .permits_changed = permits_changed,
	                                      .suspended = suspended,
	                                      .arrived = arrived};

	return sk_screen_new(d->loop, &hooks, &d->screen);
}

const struct sk_setting_permit *sk_daemon_permit(void *ctx, const char *check)
{
	return sk_screen_permit(((struct sk_daemon *)ctx)->screen, check);
}

/* For which values they were last written: other values are a new policy or version, the same ones mean that a file was changed. */
void sk_daemon_settings_written(void *ctx, const char *check, const json_t *files)
{
	long long limit = sk_check_param(params(ctx), check, "idle_limit")->n;
	const struct sk_setting_permit *permit = sk_daemon_permit(ctx, check);
	struct sk_daemon *d = ctx;
	char key[64], value[96];
	struct sk_buf before;

	sk_owned_renew(d->owned);
	snprintf(key, sizeof key, "settings.%.40s", check);
	snprintf(value, sizeof value, "%s %lld", SK_VERSION, permit ? -permit->number : limit);
	sk_buf_init(&before, sizeof value);
	(void)sk_journal_meta_get(d->journal, key, &before);
	if (before.len && strcmp(before.data, value) == 0) {
		sk_log(SK_LOG_WARNING, "%s: settings that somebody had changed were put back", check);
		sk_daemon_record_new(d, "settings.put-back",
		                     json_pack("{s:s, s:o}", "check", check, "files", json_deep_copy(files)));
	} else {
		(void)sk_journal_meta_set(d->journal, key, value);
	}
	sk_buf_deinit(&before);
}
