/* The table's text, behind conntrack and behind the one of isolation. */
#include "platform/network_rules.h"

#include <stdbool.h>
#include <string.h>

#define MARK "0x736b6e77"

static const char kept_out[] =
    "\t\tudp sport 68 udp dport 67 accept\n\t\tudp sport 546 udp dport 547 accept\n"
    "\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n";
static const char kept_in[] = "\t\tudp sport 67 udp dport 68 accept\n\t\tudp sport 547 udp dport 546 accept\n"
                              "\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept\n";

/* "*" at its end would be a pattern, a quote the end of the name. */
static bool plain(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@+");

	return n > 0 && n < 16 && name[n] == '\0';
}

static void chain(struct sk_buf *out, const char *name, const char *hook)
{
	sk_buf_addf(out, "\tchain %s {\n\t\ttype filter hook %s priority -140; policy accept;\n", name, hook);
}

static int elements(const json_t *names, struct sk_buf *out, int *skipped)
{
	int n = 0;

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name == NULL || !plain(name)) {
			(*skipped)++;
			continue;
		}
		sk_buf_addf(out, "%s\"%s\"", n++ > 0 ? ", " : "", name);
	}
	return n;
}

int sk_network_rules(const json_t *names, uid_t uplink, struct sk_buf *out, int *skipped)
{
	struct sk_buf list;
	int n;

	*skipped = 0;
	sk_buf_init(&list, 4096);
	n = elements(names, &list, skipped);
	sk_buf_adds(out, "add table inet " SK_NETWORK_TABLE "\ndelete table inet " SK_NETWORK_TABLE "\n");
	if (n > 0) {
		sk_buf_addf(out,
		            "table inet " SK_NETWORK_TABLE
		            " {\n\tset refused {\n\t\ttype ifname\n\t\telements = { %s }\n\t}\n",
		            list.data);
		chain(out, "out", "output");
		sk_buf_adds(out, "\t\toifname != @refused accept\n");
		if (uplink != (uid_t)-1)
			sk_buf_addf(out,
			            "\t\tmeta skuid %u meta l4proto tcp ct mark set " MARK " accept\n"
			            "\t\tmeta skuid %u udp dport 53 ct mark set " MARK " accept\n",
			            (unsigned)uplink, (unsigned)uplink);
		sk_buf_addf(out, "%s\t\tdrop\n\t}\n", kept_out);
		chain(out, "in", "input");
		sk_buf_addf(out, "\t\tiifname != @refused accept\n\t\tct mark " MARK " accept\n%s\t\tdrop\n\t}\n",
		            kept_in);
		chain(out, "through", "forward");
		sk_buf_adds(out, "\t\tiifname @refused drop\n\t\toifname @refused drop\n\t}\n}\n");
	}
	n = sk_buf_error(out) < 0 ? sk_buf_error(out) : sk_buf_error(&list);
	sk_buf_deinit(&list);
	return n;
}
