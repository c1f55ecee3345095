/* status, devices, events, verify: what there is to see. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/words.h"
#include "common/buf.h"
#include "common/text.h"
#include "policy/scan.h"

static json_t *op(const char *name)
{
	return json_pack("{s:s}", "op", name);
}

/* One row "label  filled text" of a two-column table. */
static void row(struct sk_cli *cli, struct sk_table *t, const char *label, const char *msgid, const char *a,
                const char *b, const char *c, const char *d)
{
	const char *const args[] = {a, b, c, d};
	struct sk_buf text;

	sk_buf_init(&text, 4096);
	sk_words_fill(&text, sk_cli_tr(cli, msgid), args, 4);
	sk_table_row(t, sk_cli_tr(cli, label), text.data, NULL);
	sk_buf_deinit(&text);
}

/* --- status --- */

static const char *source_word(struct sk_cli *cli, const char *source)
{
	if (!strcmp(source, "server"))
		return sk_cli_tr(cli, N_("from the server"));
	if (!strcmp(source, "local"))
		return sk_cli_tr(cli, N_("from this terminal's policy.ini"));
	return sk_cli_tr(cli, N_("built in: no usable policy was found"));
}

static void policy_rows(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	const json_t *p = json_object_get(s, "policy");
	char version[24];

	row(cli, t, N_("Policy"), N_("%1, version %2, %3 (%4)"), sk_cli_string(p, "name"),
	    sk_cli_member(p, "version", version, sizeof version), sk_cli_zone(cli, sk_cli_string(p, "zone")),
	    source_word(cli, sk_cli_string(p, "source")));
	if (strcmp(sk_cli_string(p, "mode"), "enforce") != 0)
		row(cli, t, "", "! %1", sk_cli_mode(cli, sk_cli_string(p, "mode")), NULL, NULL, NULL);
	if (*sk_cli_string(p, "problem"))
		row(cli, t, "", "! %1", sk_cli_string(p, "problem"), NULL, NULL, NULL);
}

static void server_rows(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	const json_t *u = json_object_get(s, "uplink");
	const char *state = sk_cli_string(u, "state");
	char when[32];

	if (!json_is_true(json_object_get(s, "enrolled"))) {
		row(cli, t, N_("Server"), N_("not enrolled; the policy of this terminal holds"), NULL, NULL, NULL,
		    NULL);
		return;
	}
	sk_cli_time(u, "last_contact", when, sizeof when);
	if (!strcmp(state, "online"))
		row(cli, t, N_("Server"), N_("%1, connected (last contact %2)"), sk_cli_string(s, "server"), when, NULL,
		    NULL);
	else if (!strcmp(state, "refused"))
		row(cli, t, N_("Server"), N_("%1 refuses this terminal: %2"), sk_cli_string(s, "server"),
		    sk_cli_string(u, "error"), NULL, NULL);
	else
		row(cli, t, N_("Server"), N_("%1, not reached (last contact %2) %3"), sk_cli_string(s, "server"), when,
		    sk_cli_string(u, "error"), NULL);
	row(cli, t, N_("Terminal"), "%1", sk_cli_string(s, "device_id"), NULL, NULL, NULL);
	if (*sk_cli_string(u, "refused_bundle"))
		row(cli, t, "", "! %1", sk_cli_string(u, "refused_bundle"), NULL, NULL, NULL);
}

static void journal_rows(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	const json_t *j = json_object_get(s, "journal");
	const char *state = sk_cli_string(j, "state");
	char last[24], waiting[24], n[24];

	sk_cli_member(j, "last_seq", last, sizeof last);
	sk_cli_member(j, "unacked", waiting, sizeof waiting);
	if (json_is_true(json_object_get(s, "enrolled")))
		row(cli, t, N_("Record"), N_("%1 events, %2 not yet taken by the server"), last, waiting, NULL, NULL);
	else
		row(cli, t, N_("Record"), N_("%1 events"), last, NULL, NULL, NULL);
	if (!strcmp(state, "spool"))
		row(cli, t, "", N_("! too much waits for the server: %1 informational events were left out"),
		    sk_cli_member(j, "suppressed", n, sizeof n), NULL, NULL, NULL);
	else if (strcmp(state, "ok") != 0)
		row(cli, t, "", N_("! the record cannot be written (%1); %2 events wait in memory"),
		    sk_cli_string(j, "problem"), sk_cli_member(j, "queued", n, sizeof n), NULL, NULL);
}

static void enforcement_row(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	const json_t *e = json_object_get(s, "enforcement");
	char n[24];

	snprintf(n, sizeof n, "%zu", json_array_size(json_object_get(e, "controllers")));
	if (!strcmp(sk_cli_string(e, "state"), "open"))
		row(cli, t, N_("Blocking"), N_("! a controller admits devices by itself; see \"sekimori doctor\""),
		    NULL, NULL, NULL, NULL);
	else if (!strcmp(sk_cli_string(e, "state"), "enforcing"))
		row(cli, t, N_("Blocking"), N_("on, %1 controllers"), n, NULL, NULL, NULL);
	else
		row(cli, t, N_("Blocking"), N_("! does not run"), NULL, NULL, NULL, NULL);
}

static void isolation_row(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	const char *mode = sk_cli_string(s, "isolation");

	if (!strcmp(mode, "full") || !strcmp(mode, "management"))
		row(cli, t, N_("Network"),
		    !strcmp(mode, "full")
		        ? N_("! cut off by order; unplug the network cable as well; way back: sekimori phone "
		             "--isolation")
		        : N_("! cut off by order but for the management server; unplug the network cable as well"),
		    NULL, NULL, NULL, NULL);
}

static void clock_row(struct sk_cli *cli, struct sk_table *t, const json_t *s)
{
	json_int_t back = json_integer_value(json_object_get(json_object_get(s, "clock"), "turned_back_ms"));
	char seconds[24];

	if (back < 5000)
		return;
	snprintf(seconds, sizeof seconds, "%lld", (long long)back / 1000);
	row(cli, t, N_("Clock"), N_("! behind by %1 seconds: it was turned back; permits end at their true time"),
	    seconds, NULL, NULL, NULL);
}

static void notices(struct sk_cli *cli, const json_t *s)
{
	const json_t *list = json_object_get(s, "notices"), *o;
	size_t n = json_array_size(list);
	struct sk_table t;

	if (!n)
		return;
	sk_cli_say(cli, N_("Last notices:"), NULL);
	sk_table_init(&t, 2);
	for (size_t i = n > 5 ? n - 5 : 0; i < n; i++) {
		char when[32];

		o = json_array_get(list, i);
		sk_table_row(&t, sk_cli_time(o, "time", when, sizeof when),
		             sk_cli_string(o, cli->lang == SK_LANG_JA ? "text_ja" : "text_en"), NULL);
	}
	sk_table_print(&t, "  ");
	sk_table_deinit(&t);
}

int sk_cli_status(struct sk_cli *cli, int argc, char **argv)
{
	struct sk_table t;
	json_t *s = NULL;
	char n[24], when[32];
	int r;

	if (argc != 1)
		return sk_cli_usage(cli, argv[0]);
	r = sk_cli_ask(cli, op("status"), 10000, &s);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, s)) {
		sk_table_init(&t, 2);
		row(cli, &t, N_("Sekimori"), N_("version %1, running since %2"), sk_cli_string(s, "version"),
		    sk_cli_time(s, "since", when, sizeof when), NULL, NULL);
		policy_rows(cli, &t, s);
		enforcement_row(cli, &t, s);
		server_rows(cli, &t, s);
		row(cli, &t, N_("Permits"), "%1", sk_cli_member(json_object_get(s, "grants"), "count", n, sizeof n),
		    NULL, NULL, NULL);
		journal_rows(cli, &t, s);
		clock_row(cli, &t, s);
		isolation_row(cli, &t, s);
		if (*sk_cli_string(s, "config_problem"))
			row(cli, &t, N_("Settings"), "! %1", sk_cli_string(s, "config_problem"), NULL, NULL, NULL);
		sk_table_print(&t, "");
		sk_table_deinit(&t);
		notices(cli, s);
	}
	json_decref(s);
	return SK_EXIT_OK;
}

/* --- devices --- */

static void kinds_text(struct sk_cli *cli, const json_t *device, struct sk_buf *out)
{
	const json_t *kinds = json_object_get(device, "kinds"), *k;
	size_t i;

	json_array_foreach((json_t *)kinds, i, k)
	{
		const char *name = json_string_value(k);

		sk_buf_addf(out, "%s%s", i ? ", " : "", name ? sk_cli_kind(cli, name) : "");
	}
}

static void name_text(const json_t *d, struct sk_buf *out)
{
	const char *vendor = sk_cli_string(d, "vendor"), *product = sk_cli_string(d, "product");

	if (*product || *vendor)
		sk_buf_addf(out, "%s%s%s", vendor, *vendor && *product ? " " : "", product);
	else
		sk_buf_addf(out, "%s:%s", sk_cli_string(d, "vendor_id"), sk_cli_string(d, "product_id"));
	if (*sk_cli_string(d, "serial"))
		sk_buf_addf(out, " (%s)", sk_cli_string(d, "serial"));
}

static void scan_text(struct sk_cli *cli, const json_t *scan, struct sk_buf *out)
{
	static const struct {
		const char *state, *text;
	} words[] = {{"waiting", N_("to be scanned")}, {"running", N_("being scanned: %1 files, %2 MB so far")},
	             {"clean", N_("scanned")},         {"partly", N_("scanned in part, read only: %3")},
	             {"infected", N_("INFECTED")},     {"not-scanned", N_("not scanned: %3")}};
	const char *why = sk_scan_why(sk_cli_string(scan, "reason"));
	char files[24], mb[24];
	const char *const args[3] = {files, mb, why ? sk_cli_tr(cli, why) : ""};

	snprintf(files, sizeof files, "%lld", (long long)json_integer_value(json_object_get(scan, "files")));
	snprintf(mb, sizeof mb, "%lld", (long long)json_integer_value(json_object_get(scan, "bytes")) / 1000000);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].state, sk_cli_string(scan, "state")) == 0)
			sk_words_fill(out, sk_cli_tr(cli, words[i].text), args, 3);
}

static void media_rows(struct sk_cli *cli, struct sk_table *t, const json_t *device)
{
	const json_t *media = json_object_get(device, "media"), *m;
	size_t i;

	json_array_foreach((json_t *)media, i, m)
	{
		const char *mount = json_string_value(json_array_get(json_object_get(m, "mounts"), 0));
		char until[32], size[32];
		struct sk_buf b;

		snprintf(size, sizeof size, "%.1f GB", (double)json_integer_value(json_object_get(m, "size")) / 1e9);
		sk_cli_time(m, "grant_until", until, sizeof until);
		sk_buf_init(&b, 1024);
		sk_buf_addf(&b, "%s %s %s", sk_cli_string(m, "node"), size,
		            sk_cli_tr(cli, json_is_true(json_object_get(m, "read_only")) ? N_("read only")
		                                                                         : N_("read and write")));
		if (mount)
			sk_buf_addf(&b, " %s", mount);
		if (json_object_get(m, "scan") != NULL) {
			sk_buf_adds(&b, " - ");
			scan_text(cli, json_object_get(m, "scan"), &b);
		}
		sk_table_row(t, "", b.data, *until != '-' ? sk_cli_tr(cli, N_("until")) : "",
		             *until != '-' ? until : "", NULL);
		sk_buf_deinit(&b);
	}
}

static void device_rows(struct sk_cli *cli, struct sk_table *t, const json_t *d)
{
	const char *rule = sk_cli_string(d, "rule");
	struct sk_buf name, kinds, why;

	sk_buf_init(&name, 1024);
	sk_buf_init(&kinds, 1024);
	sk_buf_init(&why, 1024);
	name_text(d, &name);
	kinds_text(cli, d, &kinds);
	sk_buf_addf(&why, "%s: %s", sk_cli_verdict(cli, sk_cli_string(d, "verdict")),
	            sk_cli_reason(cli, sk_cli_string(d, "reason")));
	if (*rule)
		sk_buf_addf(&why, " [%s]", rule);
	sk_table_row(t, sk_cli_string(d, "device"), name.data, kinds.data, why.data, NULL);
	media_rows(cli, t, d);
	sk_buf_deinit(&name);
	sk_buf_deinit(&kinds);
	sk_buf_deinit(&why);
}

int sk_cli_devices(struct sk_cli *cli, int argc, char **argv)
{
	json_t *a = NULL, *list, *d;
	struct sk_table t;
	size_t i;
	int r;

	if (argc != 1)
		return sk_cli_usage(cli, argv[0]);
	r = sk_cli_ask(cli, op("devices"), 10000, &a);
	if (r)
		return r;
	list = json_object_get(a, "devices");
	if (!sk_cli_print_json(cli, a)) {
		sk_table_init(&t, 4);
		sk_table_row(&t, sk_cli_tr(cli, N_("DEVICE")), sk_cli_tr(cli, N_("NAME (SERIAL)")),
		             sk_cli_tr(cli, N_("KIND")), sk_cli_tr(cli, N_("DECISION [RULE]")), NULL);
		json_array_foreach(list, i, d) device_rows(cli, &t, d);
		if (json_array_size(list))
			sk_table_print(&t, "");
		else
			sk_cli_say(cli, N_("Nothing is attached."), NULL);
		sk_table_deinit(&t);
	}
	json_decref(a);
	return SK_EXIT_OK;
}

/* --- events --- */

/* What an event says, in a few words: the members that most kinds have. */
static void event_text(struct sk_cli *cli, const json_t *body, struct sk_buf *out)
{
	static const char *const members[] = {"device", "vendor", "product", "serial",  "node",     "mount", "id",
	                                      "from",   "to",     "state",   "purpose", "name",     "rule",  "reason",
	                                      "person", "why",    "error",   "dropped", "signature"};
	char v[256];

	if (*sk_cli_string(body, "verdict"))
		sk_buf_addf(out, "%s ", sk_cli_verdict(cli, sk_cli_string(body, "verdict")));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (!*sk_cli_member(body, members[i], v, sizeof v))
			continue;
		sk_buf_addf(out, "%s%s=%s", out->len && out->data[out->len - 1] != ' ' ? " " : "", members[i], v);
	}
}

static int read_event_options(struct sk_cli *cli, int argc, char **argv, json_t *q)
{
	static const struct option options[] = {
	    {"after", required_argument, NULL, 'a'}, {"limit", required_argument, NULL, 'l'}, {0}};
	long long v;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a' && sk_text_i64(optarg, 0, INT64_MAX, &v) == 0)
			json_object_set_new(q, "after", json_integer(v));
		else if (c == 'l' && sk_text_i64(optarg, 1, 1000, &v) == 0)
			json_object_set_new(q, "limit", json_integer(v));
		else
			return sk_cli_usage(cli, argv[0]);
	}
	return optind == argc ? 0 : sk_cli_usage(cli, argv[0]);
}

int sk_cli_events(struct sk_cli *cli, int argc, char **argv)
{
	json_t *q = op("events"), *a = NULL, *e;
	struct sk_table t;
	size_t i;
	int r = read_event_options(cli, argc, argv, q);

	if (r) {
		json_decref(q);
		return r;
	}
	r = sk_cli_ask(cli, q, 10000, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a)) {
		sk_table_init(&t, 4);
		json_array_foreach(json_object_get(a, "events"), i, e)
		{
			char seq[24], when[32];
			struct sk_buf b;

			sk_buf_init(&b, 4096);
			event_text(cli, json_object_get(e, "body"), &b);
			sk_table_row(&t, sk_cli_member(e, "seq", seq, sizeof seq),
			             sk_cli_time(e, "time", when, sizeof when), sk_cli_string(e, "kind"), b.data, NULL);
			sk_buf_deinit(&b);
		}
		sk_table_print(&t, "");
		sk_table_deinit(&t);
	}
	json_decref(a);
	return SK_EXIT_OK;
}

/* --- verify --- */

int sk_cli_verify(struct sk_cli *cli, int argc, char **argv)
{
	char records[24], first[24], last[24], broken[24];
	json_t *a = NULL;
	int r, bad;

	if (argc != 1)
		return sk_cli_usage(cli, argv[0]);
	r = sk_cli_ask(cli, op("verify"), 120000, &a);
	if (r)
		return r;
	bad = json_integer_value(json_object_get(a, "broken")) != 0;
	sk_cli_member(a, "records", records, sizeof records);
	if (!sk_cli_print_json(cli, a) && !bad)
		sk_cli_say(cli, N_("The record is whole: %1 events, %2 to %3."), records,
		           sk_cli_member(a, "first", first, sizeof first), sk_cli_member(a, "last", last, sizeof last),
		           NULL);
	else if (!cli->json)
		sk_cli_say(cli,
		           N_("The record was changed: %1 of %2 events do not fit. %3. Keep this terminal as it is and "
		              "call the helpdesk."),
		           sk_cli_member(a, "broken", broken, sizeof broken), records, sk_cli_string(a, "problem"),
		           NULL);
	json_decref(a);
	return bad ? SK_EXIT_ERROR : SK_EXIT_OK;
}
