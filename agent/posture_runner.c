/* A queue of checks as bits, one child, waiters with the bits they still wait for. */
#include "agent/posture_runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/child.h"

#define CHECKS_MAX  SK_CHECKS_MAX
#define WAITERS_MAX 64
#define FRESH_MS    10000
#define ENFORCE_ID  "screen-lock" /* the one check that the agent can also bring about */

struct waiter {
	uint64_t client;
	uint32_t asked, left;
};

struct sk_posture {
	sd_event *loop;
	struct sk_posture_options o;
	struct sk_posture_hooks hooks;
	char probe[256];
	sd_event_source *timer, *kick;
	struct sk_child *child;
	const struct sk_check *checks;
	size_t n;
	json_t *results[CHECKS_MAX];
	sk_ms at[CHECKS_MAX];
	uint32_t queue;
	uint32_t again; /* changed while they ran: their result is kept, nobody is answered with it */
	int running; /* index; -1 = none; -2 = enforcing */
	bool stale; /* what runs began under another policy */
	bool enforce_due, enforce_failed;
	struct waiter waiters[WAITERS_MAX];
	size_t n_waiters;
};

static void start_next(struct sk_posture *p);

static json_t *collect(const struct sk_posture *p, uint32_t mask)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < p->n; i++)
		if ((mask & 1u << i) && p->results[i])
			json_array_append(list, p->results[i]);
	return list;
}

/* Removes before it answers: the answer may lead to the next question. */
static void answer_done(struct sk_posture *p)
{
	for (size_t i = 0; i < p->n_waiters;) {
		struct waiter w = p->waiters[i];

		if (w.left) {
			i++;
			continue;
		}
		p->waiters[i] = p->waiters[--p->n_waiters];
		p->hooks.answer(p->hooks.ctx, w.client, collect(p, w.asked));
	}
}

static const struct sk_check_set *set_of(const struct sk_posture *p, size_t i)
{
	return sk_check_set_of(p->hooks.params(p->hooks.ctx), &p->checks[i]);
}

static bool enforces(const struct sk_posture *p)
{
	return sk_check_param(p->hooks.params(p->hooks.ctx), ENFORCE_ID, "enforce")->n != 0;
}

static const struct sk_setting_permit *permit_of(const struct sk_posture *p, const char *id)
{
	return p->hooks.permit ? p->hooks.permit(p->hooks.ctx, id) : NULL;
}

/* 5.1(1)カ: what a permit allows is not held against the terminal; the sentences that say what was found stay. */
static void exempt(const struct sk_posture *p, json_t *result)
{
	const char *name = json_string_value(json_object_get(result, "state"));
	const struct sk_setting_permit *permit = permit_of(p, json_string_value(json_object_get(result, "id")));
	json_t *detail = json_object_get(result, "detail");
	enum sk_state state;
	char until[32];

	if (!permit || !name || sk_state_parse(name, &state) < 0 || state <= SK_STATE_EXEMPT)
		return;
	sk_clock_format_local(permit->until, until, sizeof until);
	json_object_set_new(result, "state", json_string(sk_state_name(SK_STATE_EXEMPT)));
	json_array_append_new(detail, json_pack("{s:s, s:[s, s]}", "text",
	                                        N_("Permitted until %1 by %2 (Countermeasure standard 5.1(1)カ)."),
	                                        "args", until, permit->permitted_by));
}

static void take_result(struct sk_posture *p, size_t i, const json_t *facts)
{
	sk_ms now = p->hooks.now(p->hooks.ctx);
	long long since = p->hooks.since ? p->hooks.since(p->hooks.ctx, &p->checks[i]) : 0;
	json_t *r = sk_check_evaluate(&p->checks[i], set_of(p, i), facts, now, &since);

	if (r) {
		exempt(p, r);
		json_decref(p->results[i]);
		p->results[i] = r;
		p->at[i] = now;
		p->hooks.result(p->hooks.ctx, &p->checks[i], r);
	}
	if (p->again & 1u << i) {
		p->again &= ~(1u << i);
		p->at[i] = 0;
		p->queue |= 1u << i;
		return;
	}
	for (size_t w = 0; w < p->n_waiters; w++)
		p->waiters[w].left &= ~(1u << i);
}

/* Takes "change" out of the facts and has it recorded. */
static void take_change(struct sk_posture *p, size_t i, json_t *facts)
{
	json_t *change = json_incref(json_object_get(facts, "change"));

	if (!change)
		return;
	json_object_del(facts, "change");
	if (json_is_object(change) && p->hooks.changed && p->hooks.changed(p->hooks.ctx, &p->checks[i], change) == 0 &&
	    json_is_true(json_object_get(change, "more")))
		p->queue |= 1u << i;
	json_decref(change);
}

static json_t *facts_error(const char *text)
{
	return json_pack("{s:s}", "error", text);
}

/* What the child printed, as facts; anything but one JSON object and exit status 0 is an error that says so. */
static json_t *facts_of(int status, const char *output, size_t len)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *facts = NULL;
	char text[64];

	if (status == -ETIMEDOUT)
		return facts_error(N_("it did not finish within its time limit"));
	if (status != 0) {
		snprintf(text, sizeof text, "probe ended with status %d", status);
		return facts_error(text);
	}
	if (sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &facts, &err) < 0)
		return facts_error(len >= SK_CHILD_OUTPUT_MAX ? "probe printed too much" : err.text);
	if (!json_is_object(facts)) {
		json_decref(facts);
		return facts_error("probe printed no object");
	}
	return facts;
}

static void tell_written(struct sk_posture *p, const char *output, size_t len)
{
	json_t *o = NULL, *files;

	if (sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &o, NULL) < 0)
		return;
	files = json_object_get(o, "wrote");
	if (json_array_size(files) > 0 && p->hooks.wrote)
		p->hooks.wrote(p->hooks.ctx, ENFORCE_ID, files);
	json_decref(o);
}

static void end_enforce(struct sk_posture *p, int status, const char *output, size_t len)
{
	char text[64];

	if (status == 0)
		tell_written(p, output, len);

	if ((status != 0) != p->enforce_failed) {
		p->enforce_failed = status != 0;
		snprintf(text, sizeof text, "sekimori-probe ended with status %d", status);
		p->hooks.enforced(p->hooks.ctx, ENFORCE_ID, status ? text : NULL);
	}
	for (size_t i = 0; i < p->n; i++) /* what was enforced is looked at again */
		if (!strcmp(p->checks[i].id, ENFORCE_ID))
			p->queue |= 1u << i;
}

static void on_child(void *arg, int status, const char *output, size_t len)
{
	struct sk_posture *p = arg;
	int which = p->running;

	p->child = NULL;
	p->running = -1;
	if (which == -2) {
		end_enforce(p, status, output, len);
	} else {
		json_t *facts = facts_of(status, output, len);

		take_change(p, (size_t)which, facts);
		if (p->stale)
			p->queue |= 1u << which; /* asked by other parameters: not judged, but asked again */
		else
			take_result(p, (size_t)which, facts);
		json_decref(facts);
	}
	p->stale = false;
	start_next(p);
	answer_done(p);
}

/* It lowers its own priority first of all (sekimori-probe.c): two programs less to start than by nice and ionice. */
static int start_child(struct sk_posture *p, const char *const args[], size_t n)
{
	const char *argv[4 + SK_CHECK_PARAMS] = {p->probe};

	memcpy(argv + 1, args, n * sizeof *args);
	return sk_child_start(p->loop, argv, p->o.timeout_ms ? p->o.timeout_ms : 30000, on_child, p, &p->child);
}

/* The parameters that the probe needs too, as NAME=VALUE. */
static int start_with_params(struct sk_posture *p, size_t i, const char *first, const char *second)
{
	const struct sk_check *c = &p->checks[i];
	const char *args[2 + SK_CHECK_PARAMS];
	char *texts[SK_CHECK_PARAMS] = {NULL};
	size_t n = 0;
	int r = 0;

	args[n++] = first;
	if (second)
		args[n++] = second;
	for (size_t k = 0; r == 0 && k < c->n_params; k++) {
		if (!c->params[k].probe)
			continue;
		int len = sk_param_print(&c->params[k], &set_of(p, i)->v[k], NULL, 0);
		texts[k] = malloc((size_t)len + 1);
		if (!texts[k]) {
			r = -ENOMEM;
			break;
		}
		sk_param_print(&c->params[k], &set_of(p, i)->v[k], texts[k], (size_t)len + 1);
		args[n++] = texts[k];
	}
	if (r == 0)
		r = start_child(p, args, n);
	for (size_t k = 0; k < SK_CHECK_PARAMS; k++)
		free(texts[k]);
	return r;
}

static int index_of(const struct sk_posture *p, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->checks[i].id, id))
			return (int)i;
	return -ENOENT;
}

static int start_enforce(struct sk_posture *p)
{
	static const char *const relaxed[] = {"--enforce", ENFORCE_ID, "idle_limit=86400"};
	int i = index_of(p, ENFORCE_ID);

	if (permit_of(p, ENFORCE_ID)) /* as good as never, until its end */
		return start_child(p, relaxed, sizeof relaxed / sizeof *relaxed);
	return i < 0 ? i : start_with_params(p, (size_t)i, "--enforce", ENFORCE_ID);
}

/* A check that does not apply is judged without asking the system. */
static int start_probe(struct sk_posture *p, size_t i)
{
	return set_of(p, i)->applies ? start_with_params(p, i, p->checks[i].id, NULL) : -ENOENT;
}

static void start_next(struct sk_posture *p)
{
	if (p->running != -1)
		return;
	if (p->enforce_due) {
		p->enforce_due = false;
		p->running = -2;
		if (start_enforce(p) == 0)
			return;
		p->running = -1;
		end_enforce(p, 127, "", 0);
	}
	for (size_t i = 0; i < p->n; i++) {
		json_t *facts;

		if (!(p->queue & 1u << i))
			continue;
		p->queue &= ~(1u << i);
		p->running = (int)i;
		if (start_probe(p, i) == 0)
			return;
		p->running = -1;
		facts = facts_error("probe cannot be started");
		take_result(p, i, facts);
		json_decref(facts);
	}
}

/* Started from the loop, never from inside the caller: an answer comes after sk_posture_run has returned. */
static int on_kick(sd_event_source *s, void *arg)
{
	struct sk_posture *p = arg;

	(void)s;
	start_next(p);
	answer_done(p);
	return 0;
}

static uint32_t mask_of(const struct sk_posture *p, const char *id)
{
	int i = id ? index_of(p, id) : 0;

	if (i < 0)
		return 0;
	return id ? 1u << i : (uint32_t)((1ull << p->n) - 1);
}

int sk_posture_run(struct sk_posture *p, const char *id, bool fresh, uint64_t client)
{
	uint32_t mask = mask_of(p, id), due = 0;
	sk_ms now = p->hooks.now(p->hooks.ctx);

	if (!mask)
		return -ENOENT;
	for (size_t i = 0; i < p->n; i++)
		/* A clock that was set back makes nothing fresh. */
		if ((mask & 1u << i) && (!p->results[i] || (fresh && (now - p->at[i] >= FRESH_MS || now < p->at[i]))))
			due |= 1u << i;
	if (client) {
		if (p->n_waiters >= WAITERS_MAX)
			return -EBUSY;
		p->waiters[p->n_waiters++] = (struct waiter){.client = client, .asked = mask, .left = due};
	}
	/* What runs already counts, unless what it reads has changed since: then it is in "again". */
	p->queue |= p->running >= 0 ? due & ~(1u << p->running) : due;
	return sd_event_source_set_enabled(p->kick, SD_EVENT_ONESHOT) < 0 ? -EIO : 0;
}

int sk_posture_run_now(struct sk_posture *p, const char *id)
{
	int i = index_of(p, id);

	if (i < 0)
		return -ENOENT;
	p->queue |= 1u << i; /* also when it runs now: that began before */
	return sd_event_source_set_enabled(p->kick, SD_EVENT_ONESHOT) < 0 ? -EIO : 0;
}

void sk_posture_stale(struct sk_posture *p, const char *id)
{
	uint32_t mask = mask_of(p, id);

	for (size_t i = 0; i < p->n; i++)
		if (mask & 1u << i)
			p->at[i] = 0;
	if (p->running >= 0)
		p->again |= mask & 1u << p->running;
}

static int arm(struct sk_posture *p, long long seconds);

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_posture *p = arg;

	(void)s;
	(void)usec;
	p->enforce_due = enforces(p);
	sk_posture_run(p, NULL, true, 0);
	arm(p, p->o.every_s);
	return 0;
}

/* Up to half more for the first run, a tenth either way later. */
static int arm(struct sk_posture *p, long long seconds)
{
	uint64_t us = (uint64_t)seconds * 1000000, span = seconds == p->o.every_s ? us / 5 : us / 2, r = 0;

	if (sk_random(&r, sizeof r) < 0)
		r = 0;
	us += span ? r % span : 0;
	if (seconds == p->o.every_s)
		us -= span / 2;
	p->timer = sd_event_source_disable_unref(p->timer);
	return sd_event_add_time_relative(p->loop, &p->timer, CLOCK_BOOTTIME, us, us / 50, on_timer, p);
}

void sk_posture_enforce_now(struct sk_posture *p)
{
	if (!enforces(p))
		return;
	p->enforce_due = true;
	(void)sd_event_source_set_enabled(p->kick, SD_EVENT_ONESHOT);
}

void sk_posture_policy_changed(struct sk_posture *p)
{
	if (enforces(p))
		p->enforce_due = true;
	memset(p->at, 0, sizeof p->at);
	p->stale = p->running >= 0;
	for (size_t i = 0; i < p->n; i++) /* judged by other parameters: again, but only what ran already */
		if (p->results[i])
			p->queue |= 1u << i;
	sd_event_source_set_enabled(p->kick, SD_EVENT_ONESHOT);
}

json_t *sk_posture_results(const struct sk_posture *p, const char *id)
{
	return collect(p, mask_of(p, id));
}

int sk_posture_new(sd_event *loop, const struct sk_posture_options *o, const struct sk_posture_hooks *hooks,
                   struct sk_posture **out)
{
	struct sk_posture *p = calloc(1, sizeof *p);
	int r;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->o = *o;
	p->hooks = *hooks;
	p->running = -1;
	sk_text_copy(p->probe, sizeof p->probe, o->probe);
	p->checks = sk_checks(&p->n);
	if (p->n > CHECKS_MAX)
		p->n = CHECKS_MAX;
	r = sd_event_add_defer(loop, &p->kick, on_kick, p);
	if (r >= 0)
		r = sd_event_source_set_enabled(p->kick, SD_EVENT_OFF);
	if (r >= 0)
		r = arm(p, o->first_s);
	if (r < 0) {
		sk_posture_free(p);
		return r;
	}
	*out = p;
	return 0;
}

struct sk_posture *sk_posture_free(struct sk_posture *p)
{
	if (!p)
		return NULL;
	sk_child_cancel(p->child);
	sd_event_source_disable_unref(p->timer);
	sd_event_source_disable_unref(p->kick);
	for (size_t i = 0; i < CHECKS_MAX; i++)
		json_decref(p->results[i]);
	free(p);
	return NULL;
}
