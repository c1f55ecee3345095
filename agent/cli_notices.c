/* notices: what the executive officer wrote (I7), to be read again at any time, and the word that it was read. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "common/text.h"

static void show(struct sk_cli *cli, const json_t *n)
{
	char number[24], created[40];
	const char *text = sk_cli_string(n, "text");
	struct sk_buf line;

	sk_cli_say(cli,
	           json_is_true(json_object_get(n, "read")) ? N_("No. %1, %2, %3 (read)")
	                                                    : N_("No. %1, %2, %3 (NOT READ YET)"),
	           sk_cli_member(n, "number", number, sizeof number),
	           sk_cli_time(n, "created", created, sizeof created), sk_cli_string(n, "from"), NULL);
	sk_cli_line(sk_cli_string(n, "title"));
	while (*text) { /* line by line: each is made printable by itself */
		size_t len = strcspn(text, "\n");

		sk_buf_init(&line, 4096);
		sk_buf_adds(&line, "    ");
		sk_buf_add(&line, text, len);
		sk_cli_line(line.data);
		sk_buf_deinit(&line);
		text += len + (text[len] != '\0');
	}
	sk_cli_line("");
}

static int list(struct sk_cli *cli, const json_t *a)
{
	const json_t *notices = json_object_get(a, "notices"), *n;
	bool unread = false;
	size_t i;

	if (sk_cli_print_json(cli, a))
		return SK_EXIT_OK;
	if (json_array_size(notices) == 0)
		sk_cli_say(cli, N_("There are no notices."), NULL);
	json_array_foreach(notices, i, n)
	{
		show(cli, n);
		unread |= !json_is_true(json_object_get(n, "read"));
	}
	if (unread)
		sk_cli_say(cli, N_("When you have read one: sekimori notices ack NUMBER"), NULL);
	return SK_EXIT_OK;
}

static int acknowledge(struct sk_cli *cli, const json_t *a, const char *word)
{
	const json_t *n;
	long long number;
	json_t *answer = NULL;
	size_t i;
	int r;

	if (sk_text_i64(word, 1, INT64_MAX, &number) < 0)
		return sk_cli_usage(cli, "notices");
	json_array_foreach(json_object_get(a, "notices"), i, n)
	{
		if (json_integer_value(json_object_get(n, "number")) != number)
			continue;
		r = sk_cli_ask(cli, json_pack("{s:s, s:s}", "op", "notice.ack", "id", sk_cli_string(n, "id")), 15000,
		               &answer);
		if (r == 0 && !sk_cli_print_json(cli, answer))
			sk_cli_say(cli, N_("It is recorded that you have read No. %1."), word, NULL);
		json_decref(answer);
		return r;
	}
	return sk_cli_fail(cli, SK_EXIT_ERROR, "not-found", N_("There is no notice No. %1."), word, NULL);
}

int sk_cli_notices(struct sk_cli *cli, int argc, char **argv)
{
	json_t *a = NULL;
	int r;

	if (argc != 1 && (argc != 3 || strcmp(argv[1], "ack") != 0))
		return sk_cli_usage(cli, "notices");
	r = sk_cli_ask(cli, json_pack("{s:s}", "op", "notices"), 15000, &a);
	if (r == 0)
		r = argc == 1 ? list(cli, a) : acknowledge(cli, a, argv[2]);
	json_decref(a);
	return r;
}
