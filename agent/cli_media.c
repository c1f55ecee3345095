/* Which medium is meant when none is named: the one that is shut, or the one the person picks. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/words.h"
#include "common/buf.h"
#include "common/text.h"

static bool is_shut_medium(const json_t *d)
{
	const json_t *list = json_object_get(d, "interfaces"), *f;
	size_t i;

	json_array_foreach((json_t *)list, i, f)
	{
		const char *kind = sk_cli_string(f, "kind");

		if ((!strcmp(kind, "storage") || !strcmp(kind, "image")) &&
		    strcmp(sk_cli_string(f, "verdict"), "allow") != 0)
			return true;
	}
	return false;
}

int sk_cli_ask_line(struct sk_cli *cli, const char *msgid, char *out, size_t size)
{
	const char *const args[] = {out};
	char line[512];
	struct sk_buf b;

	sk_buf_init(&b, 1024);
	sk_words_fill(&b, sk_cli_tr(cli, msgid), args, 1);
	printf("%s ", b.data);
	fflush(stdout);
	sk_buf_deinit(&b);
	if (!fgets(line, sizeof line, stdin))
		return -1;
	sk_text_trim(line);
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0])
		sk_text_copy(out, size, line);
	return 0;
}

/* Rows of the media that are shut; the first one's port into out. */
static size_t list_shut(const json_t *answer, struct sk_table *t, char *out, size_t size)
{
	const json_t *d;
	size_t i, n = 0;

	json_array_foreach((json_t *)json_object_get(answer, "devices"), i, d)
	{
		if (!is_shut_medium(d))
			continue;
		if (n++ == 0)
			sk_text_copy(out, size, sk_cli_string(d, "device"));
		sk_table_row(t, sk_cli_string(d, "device"), sk_cli_string(d, "product"), sk_cli_string(d, "serial"),
		             NULL);
	}
	return n;
}

int sk_cli_shut_medium(struct sk_cli *cli, char *out, size_t size)
{
	struct sk_table t;
	json_t *a = NULL;
	size_t n;
	int r = sk_cli_ask(cli, json_pack("{s:s}", "op", "devices"), 10000, &a);

	if (r)
		return r;
	sk_table_init(&t, 3);
	n = list_shut(a, &t, out, size);
	json_decref(a);
	if (n && cli->interactive) {
		sk_cli_say(cli, N_("Media that are shut now:"), NULL);
		sk_table_print(&t, "  ");
	}
	sk_table_deinit(&t);
	if (!n)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "not-found",
		                   N_("No medium that is shut is attached. Plug it in first; it stays shut."), NULL);
	if (n > 1 && !cli->interactive)
		return sk_cli_fail(cli, SK_EXIT_USAGE, "usage", N_("Several media are shut; name one with --device."),
		                   NULL);
	return n > 1 && sk_cli_ask_line(cli, N_("Which one? [%1]"), out, size) < 0 ? SK_EXIT_ERROR : 0;
}
