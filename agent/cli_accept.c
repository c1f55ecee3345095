/* hardware, antivirus: what changed in this terminal or in how its scanner is set, and accepting it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "policy/check.h"

#define CHECK_MS 60000

static const char *id_of(const char *command)
{
	return strcmp(command, "antivirus") == 0 ? "antivirus-settings" : "hardware";
}

/* The evidence of the check, made now. 0 and *answer to be dropped, or an exit status. */
static int look(struct sk_cli *cli, const char *id, json_t **answer, const json_t **evidence)
{
	int r = sk_cli_ask(cli, json_pack("{s:s, s:s, s:b}", "op", "check", "id", id, "refresh", 1), CHECK_MS, answer);

	if (r)
		return r;
	*evidence = json_object_get(json_array_get(json_object_get(*answer, "checks"), 0), "evidence");
	return 0;
}

static void print_lines(const char *mark, const json_t *list)
{
	char line[400];
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)list, i, item)
	{
		snprintf(line, sizeof line, "  %s %.380s", mark,
		         json_string_value(item) ? json_string_value(item) : "?");
		sk_cli_line(line);
	}
}

static int accept_now(struct sk_cli *cli, const char *id, const char *reason)
{
	const json_t *evidence;
	json_t *a = NULL, *done = NULL, *q;
	int r = look(cli, id, &a, &evidence);

	if (r)
		return r;
	q = json_pack("{s:s, s:s, s:s, s:s}", "op", "accept", "check", id, "hash", sk_cli_string(evidence, "hash"),
	              "reason", reason);
	r = q ? sk_cli_ask(cli, q, CHECK_MS, &done)
	      : sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	if (r == 0 && !sk_cli_print_json(cli, done)) {
		print_lines("+", json_object_get(evidence, "added"));
		print_lines("-", json_object_get(evidence, "removed"));
		sk_cli_say(cli, N_("As it is now it is accepted and recorded (hash %1)."),
		           sk_cli_string(evidence, "hash"), NULL);
	}
	json_decref(done);
	json_decref(a);
	return r;
}

static int show(struct sk_cli *cli, const char *id)
{
	const json_t *evidence, *check;
	json_t *a = NULL;
	int r = look(cli, id, &a, &evidence);

	if (r)
		return r;
	check = json_array_get(json_object_get(a, "checks"), 0);
	if (!sk_cli_print_json(cli, check)) {
		sk_cli_say(cli, N_("%1: %2, hash %3"), sk_cli_tr(cli, sk_check_find(id)->title),
		           sk_cli_state(cli, sk_cli_string(check, "state")), sk_cli_string(evidence, "hash"), NULL);
		print_lines("+", json_object_get(evidence, "added"));
		print_lines("-", json_object_get(evidence, "removed"));
	}
	r = sk_cli_check_status(json_object_get(a, "checks"));
	json_decref(a);
	return r;
}

int sk_cli_accepted(struct sk_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {{"reason", required_argument, NULL, 'r'}, {0}};
	const char *reason = NULL;
	int c;

	if (argc == 1)
		return show(cli, id_of(argv[0]));
	if (strcmp(argv[1], "accept") != 0)
		return sk_cli_usage(cli, argv[0]);
	optind = 0;
	while ((c = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
		if (c != 'r')
			return sk_cli_usage(cli, argv[0]);
		reason = optarg;
	}
	if (optind != argc - 1 || !reason || !*reason)
		return sk_cli_usage(cli, argv[0]);
	return accept_now(cli, id_of(argv[0]), reason);
}
