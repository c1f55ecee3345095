/* A short guide to the console. It can be read before the login, so it says how things go and nothing of the office's policy. */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/console_assets.h"

/* docs/guide/NAME.LANG.md */
static const struct {
	const char *name, *title;
} guides[] = {
    {"staff", N_("For staff")},
    {"helpdesk", N_("For the helpdesk")},
    {"manager", N_("For section managers")},
    {"administrator", N_("For administrators")},
    {"auditor", N_("For auditors")},
};
#define N_GUIDES (sizeof(guides) / sizeof(guides[0]))

static const struct {
	const char *title, *lines[6];
} parts[] = {
    {N_("What a verdict means"),
     {N_("Compliant: what the check asks for was seen and holds."),
      N_("Unknown: it could not be seen. Unknown is never compliant."),
      N_("No answer: the terminal has been silent for longer than the office allows. A silent terminal is never "
         "compliant."),
      N_("The worst check gives the terminal its verdict. Each check shows the evidence, the clause and what to do.")}},
    {N_("How a medium is permitted"),
     {N_("1. A staff member asks from the terminal on which the medium was refused."),
      N_("2. The section's manager permits, does not permit, or returns the request with a reason."),
      N_("3. The helpdesk looks at the medium and the terminal, approves and issues the permit with its end."),
      N_("4. The terminal opens the medium by itself within seconds, and closes it at the end."),
      N_("Who asks never decides.")}},
    {N_("A permit by telephone (a terminal without network)"),
     {N_("1. The person runs sekimori phone and reads out 32 digits. Call them back at the number of the directory "
         "first."),
      N_("2. Ask who permitted it and what for. Without a manager's permit it is an urgent exception, and is reported "
         "to the CISO without delay."),
      N_("3. Enter it under \"By telephone\" and read out the answer group by group. It is shown once, for one medium, "
         "one person, one terminal."),
      N_("A slip of the tongue is noticed on both sides and costs nothing. Five wrong answers end the number; have a "
         "new one made."),
      N_("An answer that was used and never issued, or issued and never used, is an incident.")}},
    {N_("What a medium's grade proves"),
     {N_("Grade C: only what the medium says of itself. Good for refusing, not for trusting."),
      N_("Grade B: the piece carries a registration made by this server."),
      N_("Grade A: its content opens only with the office's own key.")}},
    {N_("Your role"),
     {N_("Everything you do is recorded with the role you act in. If you hold several, choose it at the top of the "
         "page."),
      N_("A section's manager sees that section. The helpdesk and the information system manager see the whole office. "
         "Auditors read everything and change nothing.")}},
    {N_("When something does not work"),
     {N_("A page asks you to log in again: you were idle for a while. Nothing you saved is lost."),
      N_("A decision is refused because somebody was faster: open the request again, it shows the present state."),
      N_("Anything else: tell the helpdesk the time and the number shown on the page.")}},
};

static void list_guides(struct sk_page *p)
{
	sk_page_lit(p, "<nav");
	sk_page_attr(p, "aria-label", sk_tr(p->lang, N_("Guides by role")));
	sk_page_lit(p, "><ul class=\"guides\">");
	for (size_t i = 0; i < N_GUIDES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/help/%s", guides[i].name);
		sk_page_lit(p, "<li><a");
		sk_page_attr(p, "href", path);
		sk_page_lit(p, ">");
		sk_page_tr(p, guides[i].title);
		sk_page_lit(p, "</a></li>");
	}
	sk_page_lit(p, "</ul></nav>\n");
}

/* A guide of docs/guide. It is part of the program, so it goes out as it is. */
int sk_page_guide(struct sk_console *c)
{
	const char *name = sk_request_tail(c->r);

	for (size_t i = 0; name != NULL && i < N_GUIDES; i++) {
		struct sk_page *p = &c->page;
		const struct sk_asset *a;
		char file[64];

		if (strcmp(guides[i].name, name) != 0)
			continue;
		snprintf(file, sizeof(file), "%s.%s.md", name, p->lang == SK_LANG_JA ? "ja" : "en");
		a = sk_asset_find(file);
		if (a == NULL)
			break;
		sk_console_begin(c, guides[i].title, NULL);
		sk_page_lit(p, "<div class=\"prose\">");
		sk_page_raw(p, (const char *)a->data);
		sk_page_lit(p, "</div>");
		list_guides(p);
		sk_console_end(c);
		return 200;
	}
	return -ENOENT;
}

int sk_page_help(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_console_begin(c, N_("Guide"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Guide"));
	list_guides(p);
	sk_page_lit(p, "<div class=\"prose\">");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		sk_page_el_tr(p, "h2", NULL, parts[i].title);
		sk_page_lit(p, "<ul>");
		for (size_t j = 0; j < 6 && parts[i].lines[j] != NULL; j++)
			sk_page_el_tr(p, "li", NULL, parts[i].lines[j]);
		sk_page_lit(p, "</ul>\n");
	}
	sk_page_lit(p, "</div>");
	if (!c->logged_in) {
		sk_page_lit(p, "<p><a class=\"button\" href=\"/login\">");
		sk_page_tr(p, N_("To the login"));
		sk_page_lit(p, "</a></p>");
	}
	sk_console_end(c);
	return 200;
}
