/* request: a clerk asks for a medium, by options or by answering questions. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "common/file.h"
#include "common/text.h"

#define LIST_FILE_MAX 65536

struct form {
	char device[72], purpose[256], access[8], hours[16], cls[8], destination[256];
	json_t *files; /* names; NULL = none were listed */
};

/* --- questions --- */

static int ask_all(struct sk_cli *cli, struct form *f)
{
	int r = f->device[0] ? 0 : sk_cli_shut_medium(cli, f->device, sizeof f->device);

	if (r)
		return r;
	while (!f->purpose[0])
		if (sk_cli_ask_line(cli, N_("What for?"), f->purpose, sizeof f->purpose) < 0)
			return SK_EXIT_ERROR;
	if (sk_cli_ask_line(cli, N_("Read only (ro), or read and write (rw)? [%1]"), f->access, sizeof f->access) < 0 ||
	    sk_cli_ask_line(cli, N_("For how many hours? [%1]"), f->hours, sizeof f->hours) < 0 ||
	    sk_cli_ask_line(cli,
	                    N_("Class of the information: 1, 2, 3, 4, or none if it is not important information [%1]"),
	                    f->cls, sizeof f->cls) < 0 ||
	    sk_cli_ask_line(cli, N_("Where does it go, or where does it come from?"), f->destination,
	                    sizeof f->destination) < 0)
		return SK_EXIT_ERROR;
	return 0;
}

/* --- request media --- */

static int copy_option(char *dst, size_t size, const char *src)
{
	if (strlen(src) >= size)
		return -1;
	sk_text_copy(dst, size, src);
	return 0;
}

static int add_file(struct form *f, const char *name)
{
	if (!f->files)
		f->files = json_array();
	return json_array_append_new(f->files, json_string(name)) < 0; /* also when it is not valid UTF-8 */
}

/* One name a line; empty lines are left out. */
static int add_list(struct form *f, const char *path)
{
	struct sk_buf b;
	char *rest, *line;
	int bad;

	sk_buf_init(&b, LIST_FILE_MAX);
	bad = sk_file_read(path, &b, NULL) < 0;
	rest = b.data;
	while (!bad && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		bad = *line && add_file(f, line);
	}
	sk_buf_deinit(&b);
	return bad;
}

static int read_options(struct sk_cli *cli, int argc, char **argv, struct form *f)
{
	static const struct option options[] = {{"device", required_argument, NULL, 'd'},
	                                        {"purpose", required_argument, NULL, 'p'},
	                                        {"access", required_argument, NULL, 'a'},
	                                        {"hours", required_argument, NULL, 'h'},
	                                        {"class", required_argument, NULL, 'c'},
	                                        {"destination", required_argument, NULL, 't'},
	                                        {"file", required_argument, NULL, 'f'},
	                                        {"list", required_argument, NULL, 'l'},
	                                        {0}};
	int c, bad = 0;

	optind = 0;
	while (!bad && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			bad = copy_option(f->device, sizeof f->device, optarg);
		else if (c == 'p')
			bad = copy_option(f->purpose, sizeof f->purpose, optarg);
		else if (c == 'a')
			bad = copy_option(f->access, sizeof f->access, optarg);
		else if (c == 'h')
			bad = copy_option(f->hours, sizeof f->hours, optarg);
		else if (c == 'c')
			bad = copy_option(f->cls, sizeof f->cls, optarg);
		else if (c == 't')
			bad = copy_option(f->destination, sizeof f->destination, optarg);
		else if (c == 'f')
			bad = add_file(f, optarg);
		else if (c == 'l')
			bad = add_list(f, optarg);
		else
			bad = 1;
	}
	return bad || optind != argc ? sk_cli_usage(cli, "request") : 0;
}

static int send_form(struct sk_cli *cli, const struct form *f)
{
	json_t *q, *a = NULL;
	long long hours;
	int r;

	if (sk_text_i64(f->hours, 1, 8784, &hours) < 0)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("hours: a number from 1 to 8784"), NULL);
	q = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "op", "request.create", "device", f->device, "purpose",
	              f->purpose, "access", f->access, "hours", (json_int_t)hours, "class", f->cls, "destination",
	              f->destination);
	if (!q)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("The text is not valid UTF-8."), NULL);
	if (f->files)
		json_object_set(q, "files", f->files);
	r = sk_cli_ask(cli, q, 15000, &a);
	if (r)
		return r;
	if (!sk_cli_print_json(cli, a)) {
		sk_cli_say(cli, N_("Your request is recorded: %1"), sk_cli_string(a, "id"), NULL);
		sk_cli_say(cli,
		           N_("It goes to your section's manager and then to the helpdesk. Leave the medium plugged "
		              "in: it opens by itself when "
		              "the permit is issued."),
		           NULL);
		sk_cli_say(cli, N_("See what became of it: sekimori request list"), NULL);
	}
	json_decref(a);
	return SK_EXIT_OK;
}

static int request_media(struct sk_cli *cli, int argc, char **argv)
{
	struct form f = {.access = "ro", .hours = "8", .cls = "none"};
	int r = read_options(cli, argc, argv, &f);

	if (!r && (!f.device[0] || !f.purpose[0]))
		r = !cli->interactive || cli->json ? sk_cli_usage(cli, "request") : ask_all(cli, &f);
	if (!r)
		r = send_form(cli, &f);
	json_decref(f.files);
	return r;
}

/* --- request list --- */

static int request_list(struct sk_cli *cli)
{
	json_t *a = NULL, *o;
	struct sk_table t;
	size_t i;
	int r = sk_cli_ask(cli, json_pack("{s:s}", "op", "request.list"), 10000, &a);

	if (r)
		return r;
	if (sk_cli_print_json(cli, a)) {
		json_decref(a);
		return SK_EXIT_OK;
	}
	sk_table_init(&t, 6);
	sk_table_row(&t, sk_cli_tr(cli, N_("NUMBER")), sk_cli_tr(cli, N_("ASKED AT")), sk_cli_tr(cli, N_("STATE")),
	             sk_cli_tr(cli, N_("UNTIL")), sk_cli_tr(cli, N_("MEDIUM")), sk_cli_tr(cli, N_("PURPOSE / REASON")),
	             NULL);
	json_array_foreach(json_object_get(a, "requests"), i, o)
	{
		const json_t *body = json_object_get(o, "body");
		const char *reason = sk_cli_string(o, "reason");
		char number[24], asked[32], until[32];

		const char *label = sk_cli_string(body, "label");

		sk_table_row(&t,
		             *label                                               ? label
		             : *sk_cli_member(o, "number", number, sizeof number) ? number
		                                                                  : "-",
		             sk_cli_time(o, "created", asked, sizeof asked),
		             sk_cli_request_state(cli, sk_cli_string(o, "state")),
		             sk_cli_time(o, "until", until, sizeof until),
		             sk_cli_string(json_object_get(body, "device"), "product"),
		             *reason ? reason : sk_cli_string(body, "purpose"), NULL);
	}
	if (t.rows > 1)
		sk_table_print(&t, "");
	else
		sk_cli_say(cli, N_("No requests."), NULL);
	sk_table_deinit(&t);
	json_decref(a);
	return SK_EXIT_OK;
}

int sk_cli_request(struct sk_cli *cli, int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "media"))
		return request_media(cli, argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return request_list(cli);
	return sk_cli_usage(cli, argv[0]);
}
