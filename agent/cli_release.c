/* media release: a passphrase for a recipient outside, shown once to the person who holds the permit. */
#include <getopt.h>
#include <stdio.h>

#include "agent/cli.h"

#define RELEASE_MS 150000 /* two slow derivations */

static void say(struct sk_cli *cli, const json_t *a)
{
	sk_cli_say(cli, N_("The passphrase for %1:"), sk_cli_string(a, "recipient"), NULL);
	(void)printf("\n    %s\n\n", sk_cli_string(a, "passphrase"));
	sk_cli_say(
	    cli,
	    N_("It is shown this once and kept nowhere. Give it to the recipient by another way than the medium. It is "
	       "recorded that you were given it."),
	    NULL);
}

int sk_cli_media_release(struct sk_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {{"recipient", required_argument, NULL, 'r'}, {0}};
	const char *recipient = NULL;
	json_t *q, *a = NULL;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'r')
			return sk_cli_usage(cli, "media");
		recipient = optarg;
	}
	if (optind + 1 != argc || recipient == NULL)
		return sk_cli_usage(cli, "media");
	q = json_pack("{s:s, s:s, s:s}", "op", "media.release", "device", argv[optind], "recipient", recipient);
	if (q == NULL)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	r = sk_cli_ask(cli, q, RELEASE_MS, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a))
		say(cli, a);
	json_decref(a);
	return SK_EXIT_OK;
}
