/* Incidents that people report on terminals: once each, bounded, hostile bodies harm nothing. */
#include <criterion/criterion.h>

#include "server/store_incidents.h"
#include "tests/unit/store_help.h"

static json_t *all(struct sk_store *s)
{
	json_t *rows = sk_store_incidents(s, NULL, NULL, "all", 200, 0);

	cr_assert_not_null(rows);
	return rows;
}

Test(incident_report, becomes_an_incident_of_the_section)
{
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	json_t *rows, *i;

	help_send(s, &c, "incident.reported",
	          "{\"id\":\"a\",\"kind\":\"loss\",\"title\":\"<b>紛失</"
	          "b>\",\"text\":\"9時\\n庁舎間\",\"person\":\"shokuin\"}");
	rows = all(s);
	cr_assert_eq(json_array_size(rows), 1);
	i = sk_store_incident(s, help_number(json_array_get(rows, 0), "number"));
	cr_expect_str_eq(help_text(i, "kind"), "loss");
	cr_expect_str_eq(help_text(i, "title"), "<b>紛失</b>");
	cr_expect_str_eq(help_text(i, "unit"), "zeimu");
	cr_expect_str_eq(help_text(i, "host"), "pc-1");
	cr_expect_str_eq(help_text(i, "by"), "shokuin");
	cr_expect_str_eq(help_text(i, "state"), "received");
	json_decref(i);
	json_decref(rows);
	help_close(s);
}

Test(incident_report, hostile_bodies)
{
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	json_t *rows;

	help_send(s, &c, "incident.reported", "{}");
	help_send(s, &c, "incident.reported", "[]");
	help_send(s, &c, "incident.reported", "{\"kind\":\"loss\",\"title\":\"\",\"text\":\"\",\"person\":\"x\"}");
	help_send(s, &c, "incident.reported", "{\"kind\":7,\"title\":\"x\",\"text\":\"\",\"person\":\"x\"}");
	rows = all(s);
	cr_expect_eq(json_array_size(rows), 0);
	json_decref(rows);
	help_send(s, &c, "incident.reported",
	          "{\"kind\":\"'; DROP\",\"title\":\"x\",\"person\":\"'; DROP TABLE incidents;--\"}");
	rows = all(s);
	cr_assert_eq(json_array_size(rows), 1);
	cr_expect_str_eq(help_text(json_array_get(rows, 0), "kind"), "other");
	json_decref(rows);
	help_close(s);
}

Test(incident_report, a_terminal_does_not_fill_the_list)
{
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	char body[128];
	json_t *rows;

	for (int i = 0; i < 40; i++) {
		snprintf(body, sizeof(body), "{\"kind\":\"other\",\"title\":\"No. %d\",\"text\":\"\",\"person\":\"x\"}",
		         i);
		help_send(s, &c, "incident.reported", body);
	}
	rows = all(s);
	cr_expect_eq(json_array_size(rows), 21, "twenty, and one that says that there were more");
	json_decref(rows);
	help_close(s);
}
