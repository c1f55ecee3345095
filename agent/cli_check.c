/* check: the posture checks with their evidence in words, and the exit status of the worst. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "common/buf.h"
#include "policy/check.h"

int sk_cli_check_status(const json_t *checks)
{
	enum sk_state worst = SK_STATE_NOT_APPLICABLE, s;
	size_t i;
	json_t *c;

	json_array_foreach((json_t *)checks, i, c)
	{
		if (sk_state_parse(sk_cli_string(c, "state"), &s) < 0)
			s = SK_STATE_UNKNOWN;
		if (s > worst)
			worst = s;
	}
	if (json_array_size(checks) == 0)
		return SK_EXIT_UNKNOWN; /* nothing was judged: that is not compliant */
	switch (worst) {
	case SK_STATE_ERROR:
		return SK_EXIT_ERROR;
	case SK_STATE_NON_COMPLIANT:
		return SK_EXIT_NON_COMPLIANT;
	case SK_STATE_UNKNOWN:
	case SK_STATE_SILENT:
		return SK_EXIT_UNKNOWN;
	default:
		return SK_EXIT_OK;
	}
}

static void print_one(struct sk_cli *cli, const json_t *c)
{
	const struct sk_check *check = sk_check_find(sk_cli_string(c, "id"));
	const json_t *detail = json_object_get(c, "detail"), *d;
	const char *state = sk_cli_string(c, "state");
	char when[32];
	size_t i;

	sk_cli_say(cli, N_("%1: %2 (clause %3, %4)"), check ? sk_cli_tr(cli, check->title) : sk_cli_string(c, "id"),
	           sk_cli_state(cli, state), sk_cli_string(c, "clause"), sk_cli_time(c, "at", when, sizeof when), NULL);
	json_array_foreach((json_t *)detail, i, d)
	{
		struct sk_buf b;

		sk_buf_init(&b, 4096);
		sk_buf_adds(&b, "  - ");
		sk_check_sentence(d, cli->lang, &b);
		sk_cli_line(b.data);
		sk_buf_deinit(&b);
	}
	if (check && strcmp(state, "compliant") != 0 && strcmp(state, "not-applicable") != 0)
		sk_cli_say(cli, "  > %1", sk_cli_tr(cli, check->remediation), NULL);
}

int sk_cli_check(struct sk_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {{"refresh", no_argument, NULL, 'r'}, {0}};
	json_t *q = json_pack("{s:s}", "op", "check"), *a = NULL, *c;
	size_t i;
	int o, r = 0;

	optind = 0;
	while (r == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = o == 'r' ? json_object_set_new(q, "refresh", json_true()) : sk_cli_usage(cli, argv[0]);
	if (r == 0 && optind + 1 == argc)
		json_object_set_new(q, "id", json_string(argv[optind]));
	else if (r == 0 && optind != argc)
		r = sk_cli_usage(cli, argv[0]);
	if (r) {
		json_decref(q);
		return SK_EXIT_USAGE;
	}
	r = sk_cli_ask(cli, q, 150000, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a))
		json_array_foreach(json_object_get(a, "checks"), i, c) print_one(cli, c);
	r = sk_cli_check_status(json_object_get(a, "checks"));
	json_decref(a);
	return r;
}
