/* incident: a person reports one, by options or by answering questions. What to do at once is said first. */
#include <getopt.h>
#include <string.h>

#include "agent/cli.h"
#include "common/text.h"

struct report {
	char kind[16], title[256], text[2048];
};

static int read_options(struct sk_cli *cli, int argc, char **argv, struct report *f)
{
	static const struct option options[] = {{"kind", required_argument, NULL, 'k'},
	                                        {"title", required_argument, NULL, 't'},
	                                        {"text", required_argument, NULL, 'x'},
	                                        {0}};
	int c, bad = 0;

	optind = 0;
	while (!bad && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		char *to = c == 'k' ? f->kind : c == 't' ? f->title : c == 'x' ? f->text : NULL;
		size_t size = c == 'k' ? sizeof f->kind : c == 't' ? sizeof f->title : sizeof f->text;

		bad = !to || strlen(optarg) >= size;
		if (!bad)
			sk_text_copy(to, size, optarg);
	}
	return bad || optind != argc ? sk_cli_usage(cli, "incident") : 0;
}

static int ask_all(struct sk_cli *cli, struct report *f)
{
	sk_cli_say(cli,
	           N_("If malware is suspected: pull out the LAN cable, leave the terminal switched on, and call the "
	              "helpdesk."),
	           NULL);
	while (!f->kind[0])
		if (sk_cli_ask_line(cli,
		                    N_("What is it: malware, loss, leak, misdirected, intrusion, violation, other?"),
		                    f->kind, sizeof f->kind) < 0)
			return SK_EXIT_ERROR;
	while (!f->title[0])
		if (sk_cli_ask_line(cli, N_("What happened, in one line?"), f->title, sizeof f->title) < 0)
			return SK_EXIT_ERROR;
	return sk_cli_ask_line(cli, N_("When, where, what is affected? (may stay empty)"), f->text, sizeof f->text) < 0
	           ? SK_EXIT_ERROR
	           : 0;
}

int sk_cli_incident(struct sk_cli *cli, int argc, char **argv)
{
	struct report f = {0};
	json_t *q, *a = NULL;
	int r = read_options(cli, argc, argv, &f);

	if (!r && (!f.kind[0] || !f.title[0]))
		r = !cli->interactive || cli->json ? sk_cli_usage(cli, "incident") : ask_all(cli, &f);
	if (r)
		return r;
	q = json_pack("{s:s, s:s, s:s, s:s}", "op", "incident.report", "kind", f.kind, "title", f.title, "text",
	              f.text);
	if (!q)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	r = sk_cli_ask(cli, q, 15000, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a)) {
		sk_cli_say(cli, N_("Your report is recorded: %1"), sk_cli_string(a, "id"), NULL);
		sk_cli_say(cli,
		           N_("It reaches the helpdesk and your section's manager as soon as there is a network. Tell "
		              "them by telephone, too."),
		           NULL);
	}
	json_decref(a);
	return SK_EXIT_OK;
}
