/* A short guide to the console. It can be read before the login, so it says how things go and nothing of the office's policy. */
#include "server/console.h"

#include <string.h>

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

int sk_page_help(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_console_begin(c, N_("Guide"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Guide"));
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
