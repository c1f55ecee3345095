/* phone: a permit by telephone while the network is away. Shows the challenge, takes the answer. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "common/text.h"

static int tell_result(struct sk_cli *cli, const json_t *a)
{
	static const struct {
		const char *result, *text;
	} list[] = {
	    {"mistyped", N_("A digit is wrong (the check digit does not fit). Nothing was used up: ask to have it read "
	                    "out again.")},
	    {"wrong",
	     N_("The answer does not fit this challenge. Check with the helpdesk: terminal, login name and medium.")},
	    {"dead", N_("There is no open challenge any more. Begin again: sekimori phone")},
	    {"day", N_("Too many wrong answers today; telephone permits are shut until tomorrow. Call the helpdesk.")},
	};
	const char *result = sk_cli_string(a, "result");
	char until[40];

	if (sk_cli_print_json(cli, a))
		return strcmp(result, "ok") != 0;
	if (!strcmp(result, "ok") && !*sk_cli_string(a, "access")) {
		sk_cli_say(cli, N_("The code is right. The terminal is let back into the network."), NULL);
		return SK_EXIT_OK;
	}
	if (!strcmp(result, "ok")) {
		sk_cli_say(cli, N_("Permitted until %1. The medium opens now."),
		           sk_cli_time(a, "until", until, sizeof until), NULL);
		return SK_EXIT_OK;
	}
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (!strcmp(list[i].result, result))
			return sk_cli_fail(cli, SK_EXIT_ERROR, result, list[i].text, NULL);
	return SK_EXIT_ERROR;
}

/* *again: only mistyped or wrong, another attempt makes sense. */
static int answer(struct sk_cli *cli, const char *text, bool *again)
{
	json_t *a = NULL;
	int r = sk_cli_ask(cli, json_pack("{s:s, s:s}", "op", "phone.answer", "answer", text), 15000, &a);

	*again = false;
	if (r)
		return r;
	r = tell_result(cli, a);
	*again = !strcmp(sk_cli_string(a, "result"), "mistyped") || !strcmp(sk_cli_string(a, "result"), "wrong");
	json_decref(a);
	return r;
}

static int converse(struct sk_cli *cli)
{
	char text[256];
	bool again = true;
	int r = SK_EXIT_ERROR;

	while (again) {
		text[0] = '\0';
		if (sk_cli_ask_line(cli, N_("The number the helpdesk reads out:"), text, sizeof text) < 0)
			return SK_EXIT_ERROR;
		if (text[0])
			r = answer(cli, text, &again);
	}
	return r;
}

/* device "" and isolation: back to the network. */
static int challenge(struct sk_cli *cli, char *device, size_t size, bool isolation)
{
	char minutes[24];
	json_t *a = NULL;
	int r = *device || isolation ? 0 : sk_cli_shut_medium(cli, device, size);

	if (r == 0)
		r = sk_cli_ask(cli,
		               isolation ? json_pack("{s:s, s:b}", "op", "phone.start", "isolation", 1)
		                         : json_pack("{s:s, s:s}", "op", "phone.start", "device", device),
		               15000, &a);
	if (r)
		return r;
	if (sk_cli_print_json(cli, a)) {
		json_decref(a);
		return SK_EXIT_OK;
	}
	if (isolation)
		sk_cli_say(cli, N_("Back to the network by telephone, for %1"), sk_cli_string(a, "person"), NULL);
	else
		sk_cli_say(cli, N_("Permit by telephone for %1 (port %2), for %3"), sk_cli_string(a, "product"), device,
		           sk_cli_string(a, "person"), NULL);
	sk_cli_say(cli, N_("Call the helpdesk and read this number out, four digits at a time:"), NULL);
	printf("\n    %s\n\n", sk_cli_string(a, "challenge"));
	sk_cli_say(cli,
	           N_("It is good for %1 minutes and ends when the terminal is restarted. The helpdesk calls back and "
	              "reads out 15 digits."),
	           sk_cli_member(a, "minutes", minutes, sizeof minutes), NULL);
	json_decref(a);
	if (cli->interactive)
		return converse(cli);
	sk_cli_say(cli, N_("Then: sekimori phone NUMBER"), NULL);
	return SK_EXIT_OK;
}

int sk_cli_phone(struct sk_cli *cli, int argc, char **argv)
{
	char device[72] = "", text[256] = "";
	bool again;

	if (argc == 2 && !strcmp(argv[1], "--isolation"))
		return challenge(cli, device, sizeof device, true);
	if (argc == 3 && !strcmp(argv[1], "--device")) {
		if (strlen(argv[2]) >= sizeof device)
			return sk_cli_usage(cli, "phone");
		sk_text_copy(device, sizeof device, argv[2]);
		return challenge(cli, device, sizeof device, false);
	}
	if (argc > 1 && !strncmp(argv[1], "--", 2))
		return sk_cli_usage(cli, "phone");
	for (int i = 1; i < argc; i++) { /* the groups may be words of their own */
		size_t n = strlen(text);

		if (n + strlen(argv[i]) + 2 > sizeof text)
			return sk_cli_usage(cli, "phone");
		snprintf(text + n, sizeof text - n, " %s", argv[i]);
	}
	return text[0] ? answer(cli, text, &again) : challenge(cli, device, sizeof device, false);
}
