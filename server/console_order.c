/*
 * Orders on a terminal's page: what was ordered and what became of it, and the buttons for what the acting role may order. The store decides again;
 * here only what is shown is chosen.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/orders.h"
#include "server/store_order.h"

#define REASON_MAX 255

static const char *state_word(const char *state, enum sk_tone *tone)
{
	static const struct {
		const char *state, *word;
		enum sk_tone tone;
	} words[] = {
	    {"waiting", N_("waits for a second officer"), SK_TONE_GRACE},
	    {"open", N_("sent"), SK_TONE_PLAIN},
	    {"done", N_("done"), SK_TONE_OK},
	    {"failed", N_("failed"), SK_TONE_BAD},
	    {"expired", N_("expired"), SK_TONE_UNKNOWN},
	    {"cancelled", N_("Cancelled"), SK_TONE_PLAIN},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].state, state) == 0) {
			*tone = words[i].tone;
			return words[i].word;
		}
	*tone = SK_TONE_UNKNOWN;
	return state;
}

static bool may(const struct sk_console *c, enum sk_order_kind k)
{
	return (sk_order_roles(k) & c->session.acting) != 0;
}

static bool confirms(const struct sk_console *c, enum sk_order_kind k)
{
	return (sk_order_confirm_roles(k) & c->session.acting) != 0;
}

/* One small form: a button for one order that waits or was not taken yet. */
static void button(struct sk_console *c, const char *id, long long number, const char *action, const char *label)
{
	struct sk_page *p = &c->page;
	char text[24];

	snprintf(text, sizeof(text), "%lld", number);
	sk_page_lit(p, "<form method=\"post\" class=\"inline\" action=\"/terminals/");
	sk_page_text(p, id);
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	sk_page_lit(p, "<input type=\"hidden\" name=\"number\"");
	sk_page_attr(p, "value", text);
	sk_page_lit(p, "><button name=\"action\"");
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</button></form>");
}

static void row(struct sk_console *c, const char *id, const json_t *o)
{
	const char *state = sk_page_str(o, "state");
	struct sk_page *p = &c->page;
	enum sk_order_kind kind;
	enum sk_tone tone;
	const char *word = state_word(state, &tone);
	bool known = sk_order_parse_kind(sk_page_str(o, "kind"), &kind) == 0;

	if (known && strcmp(state, "waiting") == 0 && !sk_order_needs_two(kind))
		word = N_("waits for the decision of the CISO or the executive officer");
	sk_page_lit(p, "<tr><td>");
	sk_page_time(p, sk_page_int(o, "issued"));
	sk_page_lit(p, "</td><td class=\"num\">");
	sk_page_num(p, sk_page_int(o, "number"));
	sk_page_lit(p, "</td><th scope=\"row\">");
	sk_page_tr(p, known ? sk_order_word(kind) : sk_page_str(o, "kind"));
	if (*sk_page_str(o, "person") != '\0') {
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(o, "person"));
	}
	if (strcmp(sk_page_str(o, "mode"), "management") == 0) {
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_tr(p, N_("the management line stays"));
		sk_page_lit(p, "</span>");
	}
	sk_page_lit(p, "</th><td>");
	sk_page_badge(p, tone, word);
	if (known && confirms(c, kind) && strcmp(state, "waiting") == 0 &&
	    strcmp(sk_page_str(o, "asked_user"), c->session.user) != 0)
		button(c, id, sk_page_int(o, "number"), "approve", N_("Confirm and carry out"));
	if (known && (may(c, kind) || confirms(c, kind)) &&
	    (strcmp(state, "waiting") == 0 || (strcmp(state, "open") == 0 && sk_page_int(o, "taken") == 0)))
		button(c, id, sk_page_int(o, "number"), "cancel", N_("Take back"));
	sk_page_lit(p, "</td>");
	sk_page_el(p, "td", NULL, sk_page_str(o, "detail"));
	sk_page_lit(p, "<td>");
	sk_page_text(p, sk_page_str(o, "asked_name"));
	sk_page_lit(p, "<br>");
	sk_page_text(p,
	             *sk_page_str(o, "approved_name") ? sk_page_str(o, "approved_name") : sk_page_str(o, "decided_by"));
	sk_page_lit(p, "</td>");
	sk_page_el(p, "td", "free", sk_page_str(o, "reason"));
	sk_page_lit(p, "</tr>\n");
}

static void radios(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<fieldset><legend>");
	sk_page_tr(p, N_("Order"));
	sk_page_lit(p, "</legend>");
	for (int k = 0; k < SK_ORDER_KINDS; k++) {
		if (!may(c, (enum sk_order_kind)k))
			continue;
		sk_page_lit(p, "<label class=\"radio\"><input type=\"radio\" name=\"kind\" required");
		sk_page_attr(p, "value", sk_order_name((enum sk_order_kind)k));
		sk_page_lit(p, "> ");
		sk_page_tr(p, sk_order_word((enum sk_order_kind)k));
		if (sk_order_waits((enum sk_order_kind)k, c->session.acting)) {
			sk_page_lit(p, " <span class=\"sub\">");
			sk_page_tr(p, sk_order_needs_two((enum sk_order_kind)k)
			                  ? N_("a second officer confirms")
			                  : N_("the CISO or the executive officer decides"));
			sk_page_lit(p, "</span>");
		}
		sk_page_lit(p, "</label>");
	}
	sk_page_lit(p, "</fieldset>");
}

static void form(struct sk_console *c, const char *id)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<details class=\"order\"");
	if (c->problem != NULL)
		sk_page_lit(p, " open");
	sk_page_lit(p, "><summary>");
	sk_page_tr(p, N_("Give an order to this terminal"));
	sk_page_lit(p, "</summary><form method=\"post\" action=\"/terminals/");
	sk_page_text(p, id);
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	radios(c);
	if (may(c, SK_ORDER_ISOLATE)) {
		sk_page_lit(p, "<p class=\"field\"><label class=\"radio\"><input type=\"checkbox\" name=\"management\" "
		               "value=\"1\"> ");
		sk_page_tr(p, N_("When cutting off, leave the management line (needs an exception or the office's "
		                 "procedure). In any case have "
		                 "the LAN cable unplugged."));
		sk_page_lit(p, "</label></p>");
	}
	if (may(c, SK_ORDER_SUSPEND))
		sk_part_field(c, "person", N_("Login name of the user to suspend"), NULL, "");
	sk_part_field(c, "reason", N_("Reason"), NULL, "");
	sk_page_lit(p, "<p><button class=\"primary\" name=\"action\" value=\"add\">");
	sk_page_tr(p, N_("Give the order"));
	sk_page_lit(p, "</button></p></form></details>\n");
}

void sk_part_orders(struct sk_console *c, const char *id)
{
	static const char *const heads[] = {N_("Time"),   N_("No."),        N_("Order"),  N_("State"),
	                                    N_("Result"), N_("Ordered by"), N_("Reason"), NULL};
	json_t *rows = sk_store_order_list(c->r->server->store, id, NULL, 50);
	struct sk_page *p = &c->page;
	const json_t *o;
	size_t i;

	sk_page_lit(p, "<section id=\"orders\">");
	sk_page_el_tr(p, "h2", NULL, N_("Orders"));
	if (json_array_size(rows) > 0) {
		sk_page_table(p, "list", N_("Orders to this terminal"), heads);
		json_array_foreach(rows, i, o) row(c, id, o);
		sk_page_table_end(p);
	} else {
		sk_part_empty(p, N_("Nothing was ordered."));
	}
	if (may(c, SK_ORDER_CHECK) || may(c, SK_ORDER_ISOLATE))
		form(c, id);
	sk_page_lit(p, "</section>\n");
	json_decref(rows);
}

/* The one order that changes nothing has a button of its own where the checks stand. */
void sk_part_recheck(struct sk_console *c, const char *id)
{
	struct sk_page *p = &c->page;

	if (!may(c, SK_ORDER_CHECK))
		return;
	sk_page_lit(p, "<form method=\"post\" class=\"recheck\" action=\"/terminals/");
	sk_page_text(p, id);
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	sk_page_lit(p, "<input type=\"hidden\" name=\"kind\" value=\"check\"><input type=\"hidden\" name=\"reason\"");
	sk_page_attr(p, "value", sk_tr(SK_LANG_JA, N_("Recheck from the console")));
	sk_page_lit(p, "><button name=\"action\" value=\"add\">");
	sk_page_tr(p, N_("Recheck now"));
	sk_page_lit(p, "</button></form>\n");
}

/* --- what was pressed --- */

static int not_done(struct sk_console *c, int r, const struct sk_err *err)
{
	switch (r) {
	case -EINVAL:
		c->problem = N_("Choose an order and write the reason; a suspension also needs the login name.");
		return 400;
	case -EPERM:
		c->problem = N_("Your role may not do this here, or the same person may not do both steps.");
		return 403;
	case -EALREADY:
		c->problem = N_("The terminal has taken this order already, or it is over.");
		return 409;
	case -ENOSPC:
		c->problem = N_("Too many orders to this terminal are open.");
		return 409;
	default:
		sk_log(SK_LOG_ERR, "console: order: %s", err->text);
		return r == -ENOENT ? -ENOENT : r;
	}
}

static int add(struct sk_console *c, const struct sk_actor *by, const char *id, struct sk_err *err)
{
	struct sk_order_wish w = {.terminal = id, .management = sk_form_get(&c->form, "management") != NULL};
	const char *kind;
	int64_t number;

	if (sk_form_text(&c->form, "kind", 15, &kind) < 0 || sk_order_parse_kind(kind, &w.kind) < 0 ||
	    sk_form_text(&c->form, "reason", REASON_MAX, &w.reason) < 0 ||
	    sk_form_text(&c->form, "person", 63, &w.person) < 0)
		return -EINVAL;
	/* One form for all: what belongs to other kinds is left where it stands. */
	if (!sk_order_takes_person(w.kind))
		w.person = "";
	w.poweroff = w.kind == SK_ORDER_ERASE;
	return sk_store_order_add(c->r->server->store, by, &w, c->now, &number, err);
}

static int step(struct sk_console *c, const struct sk_actor *by, const char *id, const char *action, struct sk_err *err)
{
	struct sk_store *s = c->r->server->store;
	char terminal[SK_UUID_LEN];
	unsigned long long number;
	const char *text;

	if (strcmp(action, "add") == 0)
		return add(c, by, id, err);
	if (strcmp(action, "approve") != 0 && strcmp(action, "cancel") != 0)
		return -EINVAL;
	if (sk_form_text(&c->form, "number", 20, &text) < 0 || sk_text_u64(text, 1, INT64_MAX, &number) < 0 ||
	    sk_store_order_terminal(s, (int64_t)number, terminal) < 0 || strcmp(terminal, id) != 0)
		return -ENOENT;
	if (strcmp(action, "approve") == 0)
		return sk_store_order_approve(s, by, (int64_t)number, c->now, err);
	return sk_store_order_cancel(s, by, (int64_t)number, c->now, err);
}

int sk_page_order_post(struct sk_console *c)
{
	const char *id = sk_request_tail(c->r), *action = "";
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;
	struct sk_actor by;
	char path[96];
	int r;

	if (id == NULL || !sk_text_is_id(id) || sk_store_terminal_get(c->r->server->store, id, &t) < 0 ||
	    !sk_console_sees(c, t.unit))
		return -ENOENT;
	r = sk_form_text(&c->form, "action", 15, &action) < 0 ? -EINVAL : 0;
	if (r == 0)
		r = sk_session_actor(&c->session, c->session.acting, &by);
	if (r == 0)
		r = step(c, &by, id, action, &err);
	if (r < 0) {
		r = not_done(c, r, &err);
		return r < 0 ? r : sk_page_terminal_show(c, r);
	}
	sk_orders_wake(c->r->server->orders, id);
	snprintf(path, sizeof(path), "/terminals/%s", id);
	return sk_console_redirect(c, path);
}
