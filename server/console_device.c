/* Devices attached to one terminal, as it last reported them: verdict, reason, rule, and the media opened from them. */
#include "server/console.h"

#include <string.h>

bool sk_part_is_mixed(const json_t *device)
{
	const json_t *i;
	size_t n;

	if (strcmp(sk_page_str(device, "verdict"), "allow") != 0)
		return false;
	json_array_foreach(sk_page_get(device, "interfaces"), n, i)
	{
		if (strcmp(sk_page_str(i, "verdict"), "allow") != 0)
			return true;
	}
	return false;
}

static void verdict(struct sk_page *p, const char *v)
{
	if (strcmp(v, "allow") == 0)
		sk_page_badge(p, SK_TONE_OK, N_("allowed"));
	else
		sk_page_badge(p, SK_TONE_BAD, N_("refused"));
}

static void kinds(struct sk_page *p, const json_t *list)
{
	const json_t *k;
	size_t i;

	json_array_foreach(list, i, k)
	{
		const char *name = json_string_value(k);

		if (i > 0)
			sk_page_lit(p, ", ");
		sk_page_tr(p, sk_word_kind(name != NULL ? name : ""));
	}
}

static void reason(struct sk_page *p, const json_t *d)
{
	const char *rule = sk_page_str(d, "rule");

	sk_page_tr(p, sk_word_reason(sk_page_str(d, "reason")));
	if (*rule != '\0') {
		sk_page_lit(p, "<br><span class=\"sub\">");
		sk_page_say(p, N_("rule %1"), rule);
		sk_page_lit(p, "</span>");
	}
}

/* A composite device: which of its functions are open and which are shut. */
static void interfaces(struct sk_page *p, const json_t *list)
{
	const json_t *i;
	size_t n;

	if (json_array_size(list) < 2)
		return;
	sk_page_lit(p, "<ul class=\"interfaces\">");
	json_array_foreach(list, n, i)
	{
		sk_page_lit(p, "<li>");
		verdict(p, sk_page_str(i, "verdict"));
		sk_page_lit(p, " ");
		sk_page_tr(p, sk_word_kind(sk_page_str(i, "kind")));
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_tr(p, sk_word_reason(sk_page_str(i, "reason")));
		sk_page_lit(p, "</span></li>");
	}
	sk_page_lit(p, "</ul>");
}

static void media(struct sk_page *p, const json_t *list)
{
	const json_t *m, *mount;
	size_t i, j;

	json_array_foreach(list, i, m)
	{
		sk_page_lit(p, "<p class=\"medium\">");
		sk_page_text(p, sk_page_str(m, "node"));
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_bytes(p, sk_page_int(m, "size"));
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_tr(p, sk_word_access(json_is_true(sk_page_get(m, "read_only")) ? "ro" : "rw"));
		json_array_foreach(sk_page_get(m, "mounts"), j, mount)
		{
			sk_page_lit(p, "<br><span class=\"sub\">");
			sk_page_say(p, N_("opened at %1"), json_string_value(mount));
			sk_page_lit(p, "</span>");
		}
		if (sk_page_int(m, "grant_until") > 0) {
			sk_page_lit(p, "<br><span class=\"sub\">");
			sk_page_tr(p, N_("permitted until"));
			sk_page_lit(p, " ");
			sk_page_time(p, sk_page_int(m, "grant_until"));
			sk_page_lit(p, "</span>");
		}
		sk_page_lit(p, "</p>");
	}
}

static void row(struct sk_page *p, const json_t *d)
{
	const char *serial = sk_page_str(d, "serial"), *grade = sk_page_str(d, "grade");

	sk_page_lit(p, "<tr><td>");
	if (sk_part_is_mixed(d))
		sk_page_badge(p, SK_TONE_GRACE, N_("partly allowed"));
	else
		verdict(p, sk_page_str(d, "verdict"));
	sk_page_lit(p, "</td><th scope=\"row\" class=\"free\">");
	sk_part_device_name(p, d);
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_text(p, sk_page_str(d, "vendor_id"));
	sk_page_lit(p, ":");
	sk_page_text(p, sk_page_str(d, "product_id"));
	if (*serial != '\0') {
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_say(p, N_("serial %1"), serial);
	}
	sk_page_lit(p, "</span></th><td>");
	kinds(p, sk_page_get(d, "kinds"));
	interfaces(p, sk_page_get(d, "interfaces"));
	media(p, sk_page_get(d, "media"));
	sk_page_lit(p, "</td><td>");
	reason(p, d);
	sk_page_lit(p, "</td>");
	sk_page_el(p, "td", NULL, grade);
	sk_page_el(p, "td", NULL, sk_page_str(d, "device"));
	sk_page_lit(p, "<td>");
	sk_page_time(p, sk_page_int(d, "since"));
	sk_page_lit(p, "</td></tr>\n");
}

void sk_part_devices(struct sk_page *p, const json_t *devices)
{
	static const char *const head[] = {N_("Verdict"), N_("Device"), N_("Kind"),  N_("Reason and rule"),
	                                   N_("Grade"),   N_("Port"),   N_("Since"), NULL};
	const json_t *d;
	size_t i;

	if (json_array_size(devices) == 0) {
		sk_part_empty(p, N_("No device is attached, or none was reported."));
		return;
	}
	sk_page_table(p, "devices", N_("Attached devices"), head);
	json_array_foreach(devices, i, d) row(p, d);
	sk_page_table_end(p);
}
