/* policy and explain: what holds, and why. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "common/buf.h"
#include "policy/policy.h"

/* --- explain --- */

/* Why a rule did not match, in words: the stable names of sk_explain. */
static const char *because(struct sk_cli *cli, const char *name)
{
	static const struct {
		const char *name, *word;
	} words[] = {
	    {"kind", N_("it is for other kinds")},
	    {"interface", N_("it is for other interface classes")},
	    {"only", N_("the device has other functions too")},
	    {"with", N_("the device lacks a function it asks for")},
	    {"device", N_("it is for other models")},
	    {"serial", N_("it is for another serial number")},
	    {"port", N_("it is for other ports")},
	    {"interfaces", N_("it is for other sets of interfaces")},
	    {"bus", N_("it is for other buses")},
	    {"name", N_("it is for other names")},
	    {"connect", N_("it is for another way of connection")},
	    {"zone", N_("it is for another zone")},
	    {"host", N_("it is for other terminals")},
	    {"section", N_("it is for other sections")},
	    {"person", N_("it is for other persons")},
	    {"group", N_("it is for other groups")},
	    {"time", N_("it does not hold at this time")},
	    {"grade", N_("the medium's grade is too low")},
	    {"ledger", N_("it is for other ledger numbers")},
	    {"encryption", N_("it is for another encryption")},
	    {"size", N_("it is for other sizes")},
	    {"medium", N_("only the medium itself can tell")},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].name, name))
			return sk_cli_tr(cli, words[i].word);
	return name;
}

static void explain_interface(struct sk_cli *cli, const json_t *f)
{
	const char *rule = sk_cli_string(f, "rule");
	char number[24], line[24];
	const json_t *s;
	size_t i;

	sk_cli_say(cli, N_("Interface %1: %2, %3"), sk_cli_member(f, "number", number, sizeof number),
	           sk_cli_verdict(cli, sk_cli_string(f, "verdict")), sk_cli_reason(cli, sk_cli_string(f, "reason")),
	           NULL);
	json_array_foreach(json_object_get(f, "steps"), i, s)
	{
		sk_cli_member(s, "line", line, sizeof line);
		if (json_is_true(json_object_get(s, "matched")))
			sk_cli_say(cli, N_("  rule %1 (line %2): matched, it decided"), sk_cli_string(s, "rule"), line,
			           NULL);
		else
			sk_cli_say(cli, N_("  rule %1 (line %2): passed over, %3"), sk_cli_string(s, "rule"), line,
			           because(cli, sk_cli_string(s, "because")), NULL);
	}
	if (!*rule)
		sk_cli_say(cli, N_("  no rule decided"), NULL);
}

int sk_cli_explain(struct sk_cli *cli, int argc, char **argv)
{
	json_t *a = NULL, *f;
	size_t i;
	int r;

	if (argc != 2)
		return sk_cli_usage(cli, argv[0]);
	r = sk_cli_ask(cli, json_pack("{s:s, s:s}", "op", "explain", "device", argv[1]), 10000, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a)) {
		sk_cli_line(sk_cli_string(a, cli->lang == SK_LANG_JA ? "sentence_ja" : "sentence_en"));
		json_array_foreach(json_object_get(json_object_get(a, "explanation"), "interfaces"), i, f)
		    explain_interface(cli, f);
	}
	json_decref(a);
	return SK_EXIT_OK;
}

/* --- policy --- */

/* Lines as they are: the policy's text has newlines of its own. */
static void print_lines(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		struct sk_buf b;

		sk_buf_init(&b, n + 1);
		sk_buf_add(&b, text, n);
		sk_cli_line(b.data);
		sk_buf_deinit(&b);
		text += n + (text[n] == '\n');
	}
}

static int check_file(struct sk_cli *cli, const char *path)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *p = NULL;
	struct sk_buf w;
	char rules[24], count[24];
	int n, dead = 0;

	if (sk_policy_load(path, &p, &err) < 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "invalid", "%1", err.text, NULL);
	sk_buf_init(&w, 65536);
	n = sk_policy_review(p, sk_clock_wall(), sk_cli_utc_offset(), &w, &dead);
	snprintf(rules, sizeof rules, "%zu", p->n_rules);
	if (cli->json) {
		json_t *o = json_pack("{s:b, s:s, s:I, s:I, s:i, s:i, s:s}", "ok", 1, "name", p->name, "version",
		                      (json_int_t)p->version, "rules", (json_int_t)p->n_rules, "warnings", n,
		                      "dead_rules", dead, "text", w.data);

		sk_cli_print_json(cli, o);
		json_decref(o);
	} else {
		print_lines(w.data);
		sk_cli_say(cli, N_("%1: policy %2 with %3 rules is well-formed."), path, p->name, rules, NULL);
		snprintf(count, sizeof count, "%d", dead);
		if (dead)
			sk_cli_say(cli, N_("%1 of its rules can never match; see above."), count, NULL);
	}
	sk_buf_deinit(&w);
	sk_policy_free(p);
	return dead ? SK_EXIT_NON_COMPLIANT : SK_EXIT_OK;
}

static int show(struct sk_cli *cli, bool as_file)
{
	json_t *a = NULL;
	int r = sk_cli_ask(cli, json_pack("{s:s}", "op", "policy"), 10000, &a);

	if (r)
		return r;
	if (sk_cli_print_json(cli, a)) {
		r = SK_EXIT_OK;
	} else if (!as_file) {
		r = sk_cli_policy_words(cli, a);
	} else {
		if (*sk_cli_string(a, "problem"))
			sk_cli_say(cli, "# ! %1", sk_cli_string(a, "problem"), NULL);
		print_lines(sk_cli_string(a, "text"));
	}
	json_decref(a);
	return r;
}

static int reload(struct sk_cli *cli)
{
	json_t *a = NULL;
	int r = sk_cli_ask(cli, json_pack("{s:s}", "op", "policy.reload"), 15000, &a);

	if (r)
		return r;
	if (!sk_cli_print_json(cli, a))
		sk_cli_say(cli, N_("The policy was read again."), NULL);
	json_decref(a);
	return SK_EXIT_OK;
}

int sk_cli_policy(struct sk_cli *cli, int argc, char **argv)
{
	if (argc == 1)
		return show(cli, false);
	if (argc == 2 && !strcmp(argv[1], "--text"))
		return show(cli, true);
	if (argc == 3 && !strcmp(argv[1], "check"))
		return check_file(cli, argv[2]);
	if (argc == 2 && !strcmp(argv[1], "reload"))
		return reload(cli);
	if (argc >= 2 && !strcmp(argv[1], "propose"))
		return sk_cli_policy_propose(cli, argc, argv);
	if (argc >= 2 && !strcmp(argv[1], "simulate"))
		return sk_cli_policy_simulate(cli, argc, argv);
	return sk_cli_usage(cli, argv[0]);
}
