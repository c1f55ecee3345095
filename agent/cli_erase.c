/* media erase: what will be lost is said, its name is typed, and how far it is shown until it is over. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli.h"
#include "common/text.h"

#define ASK_MS 20000
#define NAME   256

struct erase {
	const char *device, *method, *label, *confirm;
	bool wait;
};

static json_t *question(const struct erase *e, const char *confirm)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "op", "media.erase", "device", e->device, "method", e->method,
	                 "label", e->label, "confirm", confirm);
}

/* What has to be typed; said and asked for. 0 and typed, or an exit status. */
static int confirm(struct sk_cli *cli, const struct erase *e, char typed[NAME])
{
	json_t *a = NULL;
	int r = sk_cli_ask(cli, question(e, ""), ASK_MS, &a);

	if (r)
		return r;
	typed[0] = '\0';
	if (!cli->interactive) {
		json_decref(a);
		return sk_cli_fail(
		    cli, SK_EXIT_USAGE, "usage",
		    N_("Say with --confirm what names the medium: its ledger number, its serial number, or "
		       "the first 8 digits of its device key."),
		    NULL);
	}
	sk_cli_say(cli,
	           N_("Everything on the medium in %1 will be lost. It takes about twice as long as writing it full."),
	           e->device, NULL);
	sk_cli_say(cli, N_("To erase it, type this: %1"), sk_cli_string(a, "confirm"), NULL);
	json_decref(a);
	return sk_cli_ask_line(cli, ">", typed, NAME) < 0 ? SK_EXIT_ERROR : 0;
}

/* Parts of 1000 that are done; -1: it is not being erased (any more). */
static long progress_of(const json_t *devices, const char *device)
{
	const json_t *d, *m, *e;
	size_t i, k;

	json_array_foreach((json_t *)(uintptr_t)devices, i, d)
	{
		if (strcmp(sk_cli_string(d, "device"), device) != 0)
			continue;
		json_array_foreach(json_object_get(d, "media"), k, m)
		{
			json_int_t done, total;

			e = json_object_get(m, "erase");
			if (e == NULL)
				continue;
			done = json_integer_value(json_object_get(e, "done"));
			total = json_integer_value(json_object_get(e, "total"));
			return total > 0 ? (long)((double)done * 1000 / (double)total) : 0;
		}
	}
	return -1;
}

/* What the record says of it, when it is over: 1 and what, 0 not yet, or -1. */
static int ended(struct sk_cli *cli, const json_t *begun, json_t **record, bool *erased)
{
	json_t *a = NULL, *e;
	int found = 0;
	size_t i;

	if (sk_cli_ask(cli, json_pack("{s:s, s:i}", "op", "events", "limit", 200), ASK_MS, &a))
		return -1;
	json_array_foreach(json_object_get(a, "events"), i, e)
	{
		const char *kind = sk_cli_string(e, "kind");
		json_t *body = json_object_get(e, "body"), *parsed;

		if (strcmp(kind, "medium.erased") != 0 && strcmp(kind, "medium.not-erased") != 0)
			continue;
		parsed = json_is_string(body) ? json_loads(json_string_value(body), 0, NULL) : json_incref(body);
		if (strcmp(sk_cli_string(parsed, "started"), sk_cli_string(begun, "started")) == 0 &&
		    strcmp(sk_cli_string(parsed, "device"), sk_cli_string(begun, "device")) == 0) {
			json_decref(*record);
			*record = json_incref(parsed);
			*erased = strcmp(kind, "medium.erased") == 0;
			found = 1;
		}
		json_decref(parsed);
	}
	json_decref(a);
	return found;
}

static int wait_for_it(struct sk_cli *cli, const json_t *begun, json_t **record, bool *erased)
{
	const char *device = sk_cli_string(begun, "device");
	int r = 0;

	while (r == 0) {
		json_t *a = NULL;
		long part;

		r = sk_cli_ask(cli, json_pack("{s:s}", "op", "devices"), ASK_MS, &a);
		if (r)
			return -1;
		part = progress_of(json_object_get(a, "devices"), device);
		json_decref(a);
		if (part >= 0 && cli->interactive && !cli->json) {
			(void)printf("\r%3ld.%ld %%", part / 10, part % 10);
			(void)fflush(stdout);
		}
		if (part < 0)
			r = ended(cli, begun, record, erased);
		if (r == 0)
			(void)sleep(1);
	}
	if (cli->interactive && !cli->json)
		(void)putchar('\n');
	return r;
}

static int say_end(struct sk_cli *cli, const json_t *record, bool erased)
{
	char bytes[32];

	if (cli->json) {
		(void)sk_cli_print_json(cli, record);
		return erased ? SK_EXIT_OK : SK_EXIT_ERROR;
	}
	if (!erased)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "not-erased", N_("It is not erased completely: %1."),
		                   sk_cli_tr(cli, sk_cli_string(record, "why")), NULL);
	sk_cli_say(cli, N_("Erased: %1 bytes, all of them read back. It is recorded."),
	           sk_cli_member(record, "bytes", bytes, sizeof(bytes)), NULL);
	if (json_is_false(json_object_get(record, "labelled")))
		sk_cli_say(cli, N_("It could not be given a label."), NULL);
	return SK_EXIT_OK;
}

static int erase(struct sk_cli *cli, const struct erase *e)
{
	json_t *a = NULL, *record = NULL;
	char typed[NAME];
	bool erased = false;
	int r;

	sk_text_copy(typed, sizeof(typed), e->confirm != NULL ? e->confirm : "");
	r = e->confirm != NULL ? 0 : confirm(cli, e, typed);
	if (r)
		return r;
	if (typed[0] == '\0')
		return sk_cli_fail(cli, SK_EXIT_ERROR, "denied", N_("Nothing was typed; nothing is erased."), NULL);
	r = sk_cli_ask(cli, question(e, typed), ASK_MS, &a);
	if (r)
		return r;
	if (!e->wait) {
		if (!sk_cli_print_json(cli, a))
			sk_cli_say(cli,
			           N_("It is being erased. Do not unplug it. `sekimori devices` shows how far it is."),
			           NULL);
	} else {
		r = wait_for_it(cli, json_object_get(a, "record"), &record, &erased) == 1 ? say_end(cli, record, erased)
		                                                                          : SK_EXIT_ERROR;
	}
	json_decref(a);
	json_decref(record);
	return r;
}

int sk_cli_media_erase(struct sk_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {{"method", required_argument, NULL, 'm'},
	                                        {"label", required_argument, NULL, 'l'},
	                                        {"confirm", required_argument, NULL, 'c'},
	                                        {"no-wait", no_argument, NULL, 'n'},
	                                        {0}};
	struct erase e = {.method = "overwrite", .label = "", .wait = true};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			e.method = optarg;
		else if (c == 'l')
			e.label = optarg;
		else if (c == 'c')
			e.confirm = optarg;
		else if (c == 'n')
			e.wait = false;
		else
			return sk_cli_usage(cli, "media");
	}
	if (optind + 1 != argc)
		return sk_cli_usage(cli, "media");
	e.device = argv[optind];
	return erase(cli, &e);
}
