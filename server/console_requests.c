/* The list of requests: open ones first by default, or one state, or all; 50 a page. Staff see their own. */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PER_PAGE 50

static const char *const states[] = {"submitted", "permitted", "approved", "refused", "returned",
                                     "withdrawn", "cancelled", "expired",  "all"};
#define N_STATES (sizeof(states) / sizeof(states[0]))

static int read_state(struct sk_console *c, const char **out)
{
	const char *state = sk_request_query(c->r, "state");

	*out = NULL;
	if (state == NULL || *state == '\0')
		return 0;
	for (size_t i = 0; i < N_STATES; i++) {
		if (strcmp(states[i], state) == 0) {
			*out = states[i];
			return 0;
		}
	}
	return -EINVAL;
}

static void tabs(struct sk_page *p, const char *chosen)
{
	sk_part_tabs(p, N_("Requests by state"));
	sk_part_tab(p, "/requests", NULL, chosen, N_("Open"));
	for (size_t i = 0; i + 1 < N_STATES; i++)
		sk_part_tab(p, "/requests", states[i], chosen, sk_word_request_state(states[i], NULL));
	sk_part_tab(p, "/requests", "all", chosen, N_("all"));
	sk_part_tabs_end(p);
}

int sk_page_requests(struct sk_console *c)
{
	bool own = c->session.acting == SK_ROLE_STAFF;
	long long page = sk_query_page(c->r);
	char query[32] = "";
	const char *unit = NULL, *state = NULL;
	json_t *rows;
	int e = own ? 0 : sk_console_scope(c, &unit);

	if (e == 0)
		e = read_state(c, &state);
	if (e < 0)
		return e;
	rows = sk_store_requests(c->r->server->store, unit, own ? c->session.login : NULL, state, PER_PAGE + 1,
	                         (int)(page - 1) * PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, own ? N_("Your requests") : N_("Requests"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, own ? N_("Your requests") : N_("Requests"));
	tabs(&c->page, state);
	if (json_array_size(rows) == 0)
		sk_part_empty(&c->page, N_("There is no request here."));
	else
		sk_part_requests(&c->page, rows, N_("Requests"), true);
	if (state != NULL)
		snprintf(query, sizeof(query), "state=%s&", state);
	if (!own)
		sk_part_export(&c->page, "requests", query);
	sk_part_pager(&c->page, "/requests", query, page, json_array_size(rows) > PER_PAGE);
	sk_console_end(c);
	json_decref(rows);
	return 200;
}
