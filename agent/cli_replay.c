/* policy propose, policy simulate: the recorded decisions of this terminal, turned into a proposal or decided anew. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/cli.h"
#include "common/buf.h"
#include "common/text.h"
#include "policy/propose.h"
#include "policy/replay.h"

#define PAGE          1000
#define SINCE_MAX_S   (10LL * 366 * 86400)
#define SINCE_DEFAULT (30LL * 86400)

int sk_cli_utc_offset(void)
{
	time_t t = time(NULL);
	struct tm tm;

	return localtime_r(&t, &tm) ? (int)tm.tm_gmtoff : 0;
}

/* Calls one(ctx, body, time) for each device.decided event not older than since. 0 or an exit status. */
static int each_decision(struct sk_cli *cli, sk_ms since, void (*one)(void *ctx, const json_t *body, sk_ms t),
                         void *ctx)
{
	json_int_t after = 0;

	for (;;) {
		json_t *a = NULL, *list, *e;
		json_int_t seen = after;
		size_t i;
		int r = sk_cli_ask(cli, json_pack("{s:s, s:I, s:i}", "op", "events", "after", after, "limit", PAGE),
		                   30000, &a);

		if (r)
			return r;
		list = json_object_get(a, "events");
		json_array_foreach(list, i, e)
		{
			sk_ms t = json_integer_value(json_object_get(e, "time"));

			if (json_integer_value(json_object_get(e, "seq")) > after)
				after = json_integer_value(json_object_get(e, "seq"));
			if (t >= since && !strcmp(sk_cli_string(e, "kind"), "device.decided"))
				one(ctx, json_object_get(e, "body"), t);
		}
		json_decref(a);
		if (after == seen)
			return 0;
	}
}

/* "--since 30d" at the end of the arguments, or nothing. */
static int read_since(struct sk_cli *cli, int argc, char **argv, int at, sk_ms *since)
{
	long long s = SINCE_DEFAULT;

	if (argc != at && (argc != at + 2 || strcmp(argv[at], "--since") != 0))
		return sk_cli_usage(cli, "policy");
	if (argc == at + 2 && sk_text_duration(argv[at + 1], 1, SINCE_MAX_S, &s) < 0)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "invalid", N_("--since: \"%1\" is no duration like 12h or 30d"),
		                   argv[at + 1], NULL);
	*since = sk_clock_wall() - s * 1000;
	return 0;
}

/* --- propose --- */

static void propose_one(void *ctx, const json_t *body, sk_ms t)
{
	(void)sk_propose_event(ctx, body, t);
}

/* The text goes to stdout as it is: it is to be kept in a file, and it is printable by what made it. */
static int propose_with(struct sk_cli *cli, struct sk_propose *p, sk_ms since)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *base = NULL;
	json_t *a = NULL;
	struct sk_buf out;
	int r = each_decision(cli, since, propose_one, p);

	if (r == 0)
		r = sk_cli_ask(cli, json_pack("{s:s}", "op", "policy"), 10000, &a);
	if (r)
		return r;
	sk_buf_init(&out, SK_INI_MAX_BYTES);
	r = sk_policy_parse("policy", sk_cli_string(a, "text"), strlen(sk_cli_string(a, "text")), &base, &err);
	if (r == 0)
		r = sk_propose_text(p, base, sk_cli_utc_offset(), &out, &err);
	if (r < 0)
		r = sk_cli_fail(cli, SK_EXIT_ERROR, "invalid", "%1", err.text, NULL);
	else if (cli->json) {
		json_t *o = json_pack("{s:b, s:s}", "ok", 1, "text", out.data);

		sk_cli_print_json(cli, o);
		json_decref(o);
	} else {
		fputs(out.data, stdout);
	}
	sk_buf_deinit(&out);
	sk_policy_free(base);
	json_decref(a);
	return r;
}

int sk_cli_policy_propose(struct sk_cli *cli, int argc, char **argv)
{
	struct sk_propose *p;
	sk_ms since = 0;
	int r = read_since(cli, argc, argv, 2, &since);

	if (r)
		return r;
	p = sk_propose_new();
	if (!p)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "failed", N_("no memory"), NULL);
	r = propose_with(cli, p, since);
	sk_propose_free(p);
	return r;
}

/* --- simulate --- */

struct simulation {
	struct sk_replay *replay;
	struct sk_replay_place where;
};

static void simulate_one(void *ctx, const json_t *body, sk_ms t)
{
	struct simulation *s = ctx;

	(void)sk_replay_event(s->replay, body, t, &s->where);
}

static const char *state_word(struct sk_cli *cli, const char *state)
{
	static const struct {
		const char *state, *word;
	} words[] = {{"deny", N_("refused")},
	             {"allow", N_("allowed")},
	             {"ro", N_("read only")},
	             {"rw", N_("read and write")},
	             {"encrypted", N_("encrypted only")},
	             {"encrypted-ro", N_("encrypted only, read only")}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].state, state))
			return sk_cli_tr(cli, words[i].word);
	return state;
}

static void print_changes(struct sk_cli *cli, const json_t *result)
{
	char count[24], name[256], now[128], events[24];
	struct sk_table t;
	json_t *c;
	size_t i;

	sk_table_init(&t, 6);
	sk_table_row(&t, sk_cli_tr(cli, N_("Device")), sk_cli_tr(cli, N_("Kind")), sk_cli_tr(cli, N_("Times")),
	             sk_cli_tr(cli, N_("Then")), sk_cli_tr(cli, N_("With this policy")), sk_cli_tr(cli, N_("Rule")),
	             NULL);
	json_array_foreach(json_object_get(result, "changes"), i, c)
	{
		snprintf(name, sizeof name, "%s:%s %.80s", sk_cli_string(c, "vendor_id"),
		         sk_cli_string(c, "product_id"), sk_cli_string(c, "product"));
		snprintf(now, sizeof now, "%s%s", state_word(cli, sk_cli_string(c, "now")),
		         json_is_true(json_object_get(c, "depends")) ? " ?" : "");
		sk_table_row(&t, name, sk_cli_kind(cli, sk_cli_string(c, "kind")),
		             sk_cli_member(c, "count", count, sizeof count), state_word(cli, sk_cli_string(c, "was")),
		             now, *sk_cli_string(c, "rule") ? sk_cli_string(c, "rule") : "-", NULL);
	}
	if (t.rows > 1)
		sk_table_print(&t, "");
	sk_table_deinit(&t);
	snprintf(count, sizeof count, "%zu", json_array_size(json_object_get(result, "changes")));
	sk_cli_say(cli, N_("%1 decisions were tried again; %2 would come out differently."),
	           sk_cli_member(result, "decisions", events, sizeof events), count, NULL);
	if (json_integer_value(json_object_get(result, "unreadable")) > 0)
		sk_cli_say(cli, N_("%1 records could not be read and are left out."),
		           sk_cli_member(result, "unreadable", events, sizeof events), NULL);
}

static int simulate_with(struct sk_cli *cli, struct sk_policy *p, sk_ms since)
{
	char host[HOST_NAME_MAX + 1] = "";
	struct simulation s = {.replay = sk_replay_new(p)};
	json_t *result;
	int r;

	if (!s.replay)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "failed", N_("no memory"), NULL);
	(void)gethostname(host, sizeof host - 1);
	s.where = (struct sk_replay_place){host, NULL, sk_cli_utc_offset()};
	r = each_decision(cli, since, simulate_one, &s);
	if (r == 0) {
		result = sk_replay_result(s.replay);
		if (!sk_cli_print_json(cli, result))
			print_changes(cli, result);
		json_decref(result);
		r = sk_replay_changes(s.replay) ? SK_EXIT_NON_COMPLIANT : SK_EXIT_OK;
	}
	sk_replay_free(s.replay);
	return r;
}

int sk_cli_policy_simulate(struct sk_cli *cli, int argc, char **argv)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *p = NULL;
	sk_ms since = 0;
	int r;

	if (argc < 3)
		return sk_cli_usage(cli, argv[0]);
	r = read_since(cli, argc, argv, 3, &since);
	if (r)
		return r;
	if (sk_policy_load(argv[2], &p, &err) < 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "invalid", "%1", err.text, NULL);
	r = simulate_with(cli, p, since);
	sk_policy_free(p);
	return r;
}
