/* media register: what an administrator does with media at a terminal. */
#include <getopt.h>
#include <string.h>

#include "agent/cli.h"

#define REGISTER_MS 120000 /* drivers to load, a slow stick to wake up, one look */

static int media_register(struct sk_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
	    {"ledger", required_argument, NULL, 'n'}, {"label", required_argument, NULL, 'l'}, {0}};
	const char *ledger = NULL, *label = "";
	json_t *q, *a = NULL;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			ledger = optarg;
		else if (c == 'l')
			label = optarg;
		else
			return sk_cli_usage(cli, "media");
	}
	if (optind + 1 != argc || ledger == NULL)
		return sk_cli_usage(cli, "media");
	q = json_pack("{s:s, s:s, s:s, s:s}", "op", "media.register", "device", argv[optind], "ledger", ledger, "label",
	              label);
	if (q == NULL)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	r = sk_cli_ask(cli, q, REGISTER_MS, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a)) {
		sk_cli_say(cli, N_("What identifies the medium is recorded, as number %1."), ledger, NULL);
		sk_cli_say(cli,
		           N_("It counts when it is approved on the server. It was only read, and is shut again. Do "
		              "not format "
		              "it from now on."),
		           NULL);
	}
	json_decref(a);
	return SK_EXIT_OK;
}

int sk_cli_media(struct sk_cli *cli, int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "register"))
		return media_register(cli, argc - 1, argv + 1);
	return sk_cli_usage(cli, argv[0]);
}
