/* Tables whose columns line up also where characters are two columns wide, and the words for stable names. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/words.h"
#include "common/text.h"
#include "policy/check.h"
#include "policy/decide.h"

void sk_table_init(struct sk_table *t, size_t columns)
{
	memset(t, 0, sizeof *t);
	t->columns = columns < SK_TABLE_COLUMNS ? columns : SK_TABLE_COLUMNS;
}

void sk_table_deinit(struct sk_table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof *t);
}

static char *safe_copy(const char *s)
{
	size_t len = strlen(s), size = len * 4 + 8;
	char *copy = malloc(size);

	if (copy)
		sk_text_printable(copy, size, s, len);
	return copy;
}

int sk_table_row(struct sk_table *t, ...)
{
	char **cells = realloc(t->cells, (t->rows + 1) * t->columns * sizeof *cells);
	va_list ap;
	bool ended = false;

	if (!cells)
		return -ENOMEM;
	t->cells = cells;
	va_start(ap, t);
	for (size_t i = 0; i < t->columns; i++) {
		const char *s = ended ? NULL : va_arg(ap, const char *);

		ended = !s;
		cells[t->rows * t->columns + i] = safe_copy(s ? s : "");
	}
	va_end(ap);
	t->rows++;
	return 0;
}

void sk_table_print(const struct sk_table *t, const char *indent)
{
	size_t width[SK_TABLE_COLUMNS] = {0};

	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t w = t->cells[i] ? sk_words_width(t->cells[i]) : 0;

		if (w > width[i % t->columns])
			width[i % t->columns] = w;
	}
	for (size_t r = 0; r < t->rows; r++) {
		size_t last = t->columns;

		while (last > 1 && (!t->cells[r * t->columns + last - 1] || !*t->cells[r * t->columns + last - 1]))
			last--;
		fputs(indent, stdout);
		for (size_t c = 0; c < last; c++) {
			const char *s = t->cells[r * t->columns + c] ? t->cells[r * t->columns + c] : "";
			size_t pad = c + 1 < last ? width[c] - sk_words_width(s) + 2 : 0;

			printf("%s%*s", s, (int)pad, "");
		}
		putchar('\n');
	}
}

const char *sk_cli_reason(struct sk_cli *cli, const char *name)
{
	for (int i = 0; *sk_reason_name((enum sk_reason)i); i++)
		if (!strcmp(sk_reason_name((enum sk_reason)i), name))
			return sk_cli_tr(cli, sk_reason_word((enum sk_reason)i));
	return name;
}

const char *sk_cli_kind(struct sk_cli *cli, const char *name)
{
	unsigned kind;

	return sk_usb_kind_parse(name, &kind) == 0 ? sk_cli_tr(cli, sk_usb_kind_word(kind)) : name;
}

const char *sk_cli_state(struct sk_cli *cli, const char *name)
{
	enum sk_state s;

	return sk_state_parse(name, &s) == 0 ? sk_cli_tr(cli, sk_state_word(s)) : name;
}

const char *sk_cli_verdict(struct sk_cli *cli, const char *name)
{
	if (!strcmp(name, "allow"))
		return sk_cli_tr(cli, N_("allowed"));
	if (!strcmp(name, "deny"))
		return sk_cli_tr(cli, N_("refused"));
	return name;
}

const char *sk_cli_request_state(struct sk_cli *cli, const char *name)
{
	static const struct {
		const char *name, *word;
	} words[] = {
	    {"submitted", N_("Applied for")}, {"permitted", N_("Under examination")},
	    {"approved", N_("Permitted")},    {"refused", N_("Not permitted")},
	    {"returned", N_("Returned")},     {"withdrawn", N_("Withdrawn")},
	    {"cancelled", N_("Cancelled")},   {"expired", N_("Expired")},
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i].name, name))
			return sk_cli_tr(cli, words[i].word);
	return name;
}

const char *sk_cli_zone(struct sk_cli *cli, const char *name)
{
	for (int i = 0; *sk_zone_name((enum sk_zone)i); i++)
		if (!strcmp(sk_zone_name((enum sk_zone)i), name))
			return sk_cli_tr(cli, sk_zone_word((enum sk_zone)i));
	return name;
}

const char *sk_cli_mode(struct sk_cli *cli, const char *name)
{
	for (int i = 0; *sk_mode_name((enum sk_mode)i); i++)
		if (!strcmp(sk_mode_name((enum sk_mode)i), name))
			return sk_cli_tr(cli, sk_mode_word((enum sk_mode)i));
	return name;
}
