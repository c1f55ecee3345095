/* media register, media prepare: what an administrator does with media at a terminal. */
#include <getopt.h>
#include <string.h>

#include "agent/cli.h"

#define PREPARE_MS  420000 /* as long as the gate waits for the helper, and the looks before and after */
#define REGISTER_MS 120000 /* drivers to load, a slow stick to wake up, one look */

static void say_registered(struct sk_cli *cli, const char *ledger)
{
	sk_cli_say(cli, N_("What identifies the medium is recorded, as number %1."), ledger, NULL);
	sk_cli_say(cli,
	           N_("It counts when it is approved on the server. It was only read, and is shut again. Do "
	              "not format "
	              "it from now on."),
	           NULL);
}

static void say_prepared(struct sk_cli *cli, const char *ledger)
{
	sk_cli_say(cli, N_("The medium is an encrypted container of the organisation now, recorded as number %1."),
	           ledger, NULL);
	sk_cli_say(
	    cli,
	    N_("It opens where a permit for it brings its key, once it is approved on the server. Do not format it "
	       "from now on."),
	    NULL);
}

struct words {
	const char *ledger, *label;
	bool erase;
};

static int read_words(struct sk_cli *cli, bool prepare, int argc, char **argv, struct words *w)
{
	static const struct option options[] = {{"ledger", required_argument, NULL, 'n'},
	                                        {"label", required_argument, NULL, 'l'},
	                                        {"erase", no_argument, NULL, 'e'},
	                                        {0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			w->ledger = optarg;
		else if (c == 'l')
			w->label = optarg;
		else if (c == 'e' && prepare)
			w->erase = true;
		else
			return sk_cli_usage(cli, "media");
	}
	if (optind + 1 != argc || w->ledger == NULL)
		return sk_cli_usage(cli, "media");
	if (prepare && !w->erase) /* everything on it is lost, so it is said or not done */
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage",
		                   N_("Everything on the medium will be lost. Say --erase if that is meant."), NULL);
	return 0;
}

static int media(struct sk_cli *cli, bool prepare, int argc, char **argv)
{
	struct words w = {.ledger = NULL, .label = ""};
	json_t *q, *a = NULL;
	int r = read_words(cli, prepare, argc, argv, &w);

	if (r)
		return r;
	q = json_pack("{s:s, s:s, s:s, s:s, s:b}", "op", prepare ? "media.prepare" : "media.register", "device",
	              argv[optind], "ledger", w.ledger, "label", w.label, "erase", (int)w.erase);
	if (q == NULL)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	r = sk_cli_ask(cli, q, prepare ? PREPARE_MS : REGISTER_MS, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a))
		(prepare ? say_prepared : say_registered)(cli, w.ledger);
	json_decref(a);
	return SK_EXIT_OK;
}

int sk_cli_media(struct sk_cli *cli, int argc, char **argv)
{
	if (argc >= 2 && (!strcmp(argv[1], "register") || !strcmp(argv[1], "prepare")))
		return media(cli, !strcmp(argv[1], "prepare"), argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "erase"))
		return sk_cli_media_erase(cli, argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "release"))
		return sk_cli_media_release(cli, argc - 1, argv + 1);
	return sk_cli_usage(cli, argv[0]);
}
