/* The table's text. It runs behind conntrack, so that answers to the uplink can be told by the mark it gave its connection. */
#include "platform/isolation.h"

#include <stdio.h>
#include <string.h>

#define MARK   "0x736b6d72"
#define HEADER "# Sekimori isolation: "

static const char *const names[] = {"none", "full", "management"};

const char *sk_isolation_name(enum sk_isolation_mode m)
{
	return (unsigned)m < sizeof(names) / sizeof(names[0]) ? names[m] : names[0];
}

static void chain(struct sk_buf *out, const char *name, const char *hook, const char *rules)
{
	sk_buf_addf(out, "\tchain %s {\n\t\ttype filter hook %s priority -150; policy drop;\n%s\t}\n", name, hook,
	            rules);
}

int sk_isolation_rules(enum sk_isolation_mode m, uid_t uplink, struct sk_buf *out)
{
	bool management = m == SK_ISOLATION_MANAGEMENT && uplink != (uid_t)-1;
	char sent[512];

	snprintf(sent, sizeof(sent),
	         "\t\toif \"lo\" accept\n"
	         "\t\tmeta skuid %u meta l4proto tcp ct mark set " MARK " accept\n"
	         "\t\tmeta skuid %u udp dport 53 ct mark set " MARK " accept\n"
	         "\t\tudp sport 68 udp dport 67 accept\n\t\tudp sport 546 udp dport 547 accept\n"
	         "\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n",
	         (unsigned)uplink, (unsigned)uplink);
	sk_buf_addf(out,
	            HEADER "%s\nadd table inet " SK_ISOLATION_TABLE "\ndelete table inet " SK_ISOLATION_TABLE
	                   "\ntable inet " SK_ISOLATION_TABLE " {\n",
	            sk_isolation_name(m));
	chain(out, "out", "output", management ? sent : "\t\toif \"lo\" accept\n");
	chain(out, "in", "input",
	      management ? "\t\tiif \"lo\" accept\n\t\tct mark " MARK " accept\n\t\tudp sport 67 udp dport 68 accept\n"
	                   "\t\tudp sport 547 udp dport 546 accept\n\t\ticmpv6 type { nd-router-advert, "
	                   "nd-neighbor-solicit, nd-neighbor-advert } accept\n"
	                 : "\t\tiif \"lo\" accept\n");
	chain(out, "through", "forward", "");
	sk_buf_adds(out, "}\n");
	return sk_buf_error(out);
}

enum sk_isolation_mode sk_isolation_of(const char *rules)
{
	size_t n = strlen(HEADER);

	for (int m = SK_ISOLATION_FULL; strncmp(rules, HEADER, n) == 0 && m <= SK_ISOLATION_MANAGEMENT; m++) {
		size_t len = strlen(names[m]);

		if (strncmp(rules + n, names[m], len) == 0 && rules[n + len] == '\n')
			return (enum sk_isolation_mode)m;
	}
	return SK_ISOLATION_NONE;
}

bool sk_isolation_holds(const char *listing)
{
	static const char *const hooks[] = {"hook output", "hook input", "hook forward"};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		const char *at = strstr(listing, hooks[i]), *end = at != NULL ? strchr(at, '\n') : NULL,
		           *drop = at != NULL ? strstr(at, "policy drop;") : NULL;

		if (drop == NULL || (end != NULL && drop > end))
			return false;
	}
	return true;
}
