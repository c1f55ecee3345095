/*
 * P13 networks, 6.1(19), 3(1)ア and 3(2)ア. Facts (platform/probe_networks.c): {"interfaces":[{"name","kind":"wired|wireless|mobile|bluetooth|vpn|
 * bridge|virtual","up":bool,"addresses":["10.1.2.3/16"],"gateways":[{"address","mac"}],"ssid"?}],"cut":bool}. An interface counts as connected when
 * it is up and has an address that reaches further than the link. Designated: by the hardware address of the gateway, the subnet, the name of the
 * wireless network, the interface; every kind that the policy names must fit. `others` are the networks of other zones: together with any network of
 * one's own they are two zones at once. Two gateways by two interfaces of hardware are two networks at once unless both are designated.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"
#include "policy/networks.h"
#include "policy/pattern.h"

enum { GATEWAYS, SUBNETS, SSIDS, INTERFACES, OTHERS, VPN, ENFORCE };
static const struct sk_param params[] = {
    [GATEWAYS] = {.name = "gateways", .type = SK_PARAM_LIST, .max = 128},
    [SUBNETS] = {.name = "subnets", .type = SK_PARAM_LIST, .max = 128},
    [SSIDS] = {.name = "ssids", .type = SK_PARAM_LIST, .max = 64},
    [INTERFACES] = {.name = "interfaces", .type = SK_PARAM_LIST, .max = 64},
    [OTHERS] = {.name = "others", .type = SK_PARAM_LIST, .max = 256},
    [VPN] = {.name = "vpn", .type = SK_PARAM_LIST, .max = 16},
    [ENFORCE] = {.name = "enforce", .type = SK_PARAM_YES},
};

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* "10.1.2.3/16" or an address alone (all of its bits). False: none. */
static bool parse(const char *s, size_t len, int *family, unsigned char addr[16], int *bits)
{
	char part[64], *slash, *end = NULL;
	long n;

	if (len >= sizeof(part))
		return false;
	memcpy(part, s, len);
	part[len] = '\0';
	slash = strchr(part, '/');
	if (slash)
		*slash = '\0';
	*family = strchr(part, ':') ? AF_INET6 : AF_INET;
	*bits = *family == AF_INET ? 32 : 128;
	if (inet_pton(*family, part, addr) != 1)
		return false;
	if (!slash)
		return true;
	n = strtol(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end || n < 0 || n > *bits)
		return false;
	*bits = (int)n;
	return true;
}

/* Does this address lie in the subnet `word`? */
static bool lies_in(const char *word, size_t len, const char *address)
{
	unsigned char net[16], own[16];
	int family, bits, own_family, own_bits;

	if (!parse(word, len, &family, net, &bits) || !parse(address, strlen(address), &own_family, own, &own_bits) ||
	    family != own_family)
		return false;
	if (memcmp(net, own, (size_t)bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((net[bits / 8] ^ own[bits / 8]) >> (8 - bits % 8)) == 0;
}

typedef bool (*match_fn)(const char *word, size_t len, const char *value);

static bool is_glob(const char *word, size_t len, const char *value)
{
	char pattern[128];

	if (len >= sizeof(pattern))
		return false;
	memcpy(pattern, word, len);
	pattern[len] = '\0';
	return sk_glob(pattern, value, true);
}

static bool in_list(const struct sk_param_value *list, const char *value, match_fn fits)
{
	for (const char *s = list->text ? list->text : ""; *s;) {
		size_t n = strcspn(s, " ");

		if (fits(s, n, value))
			return true;
		s += n;
		s += strspn(s, " ");
	}
	return false;
}

static bool named(const struct sk_param_value *list)
{
	return list->text && *list->text;
}

/* Only of this link: 169.254/16, fe80::/10. */
static bool is_local(const char *address)
{
	return strncmp(address, "169.254.", 8) == 0 || lies_in("fe80::/10", 9, address);
}

struct seen {
	const struct sk_check_set *p;
	json_t *detail;
	json_t *refused; /* names; NULL = nobody asks */
	size_t connected, own, strangers, others, with_gateway;
	bool unknown;
};

/* Of the interface's addresses: how many lie in the list, and the first that does not. */
static const char *outside(const json_t *addresses, const struct sk_param_value *list, size_t *inside)
{
	const char *first = NULL;

	*inside = 0;
	for (size_t i = 0; i < json_array_size(addresses); i++) {
		const char *a = json_string_value(json_array_get(addresses, i));
		if (!a || is_local(a))
			continue;
		if (in_list(list, a, lies_in))
			(*inside)++;
		else if (!first)
			first = a;
	}
	return first;
}

static bool is_connected(const json_t *i)
{
	const json_t *addresses = json_object_get(i, "addresses");

	for (size_t k = 0; json_is_true(json_object_get(i, "up")) && k < json_array_size(addresses); k++) {
		const char *a = json_string_value(json_array_get(addresses, k));
		if (a && !is_local(a))
			return true;
	}
	return false;
}

/* False: a gateway that is known is not a designated one. Where none of them is known now there is no answer; beside a known one those that were never
 * used are passed over. */
static bool gateways_fit(struct seen *s, const json_t *i)
{
	const json_t *list = json_object_get(i, "gateways"), *g;
	const char *silent = NULL;
	bool fit = true, known = false;

	for (size_t k = 0; k < json_array_size(list); k++) {
		g = json_array_get(list, k);
		if (text(g, "mac")[0] == '\0') {
			silent = text(g, "address");
			continue;
		}
		known = true;
		if (!in_list(&s->p->v[GATEWAYS], text(g, "mac"), is_glob)) {
			sk_check_say(s->detail, N_("%1: gateway %2 is not a designated one."), text(i, "name"),
			             text(g, "mac"));
			fit = false;
		}
	}
	if (silent && !known) {
		sk_check_say(s->detail, N_("The hardware address of gateway %1 (%2) is not known now."), silent,
		             text(i, "name"));
		s->unknown = true;
	}
	return fit;
}

static bool of_another_zone(const struct seen *s, const json_t *i)
{
	const json_t *list = json_object_get(i, "gateways");
	size_t inside;

	(void)outside(json_object_get(i, "addresses"), &s->p->v[OTHERS], &inside);
	if (inside > 0 || in_list(&s->p->v[OTHERS], text(i, "ssid"), is_glob))
		return true;
	for (size_t k = 0; k < json_array_size(list); k++)
		if (in_list(&s->p->v[OTHERS], text(json_array_get(list, k), "mac"), is_glob))
			return true;
	return false;
}

static bool fits(struct seen *s, const json_t *i)
{
	const struct sk_param_value *v = s->p->v;
	const char *name = text(i, "name"), *ssid = text(i, "ssid"), *stranger;
	bool good = true, wireless = strcmp(text(i, "kind"), "wireless") == 0;
	size_t inside;

	if (named(&v[INTERFACES]) && !in_list(&v[INTERFACES], name, is_glob)) {
		sk_check_say(s->detail, N_("%1 is not an interface this terminal may be connected by."), name, NULL);
		good = false;
	}
	stranger = named(&v[SUBNETS]) ? outside(json_object_get(i, "addresses"), &v[SUBNETS], &inside) : NULL;
	if (stranger) {
		sk_check_say(s->detail, N_("%1: address %2 lies in no designated subnet."), name, stranger);
		good = false;
	}
	if (wireless && named(&v[SSIDS]) && !in_list(&v[SSIDS], ssid, is_glob)) {
		sk_check_say(s->detail, N_("%1: wireless network \"%2\" is not a designated one."), name,
		             ssid[0] ? ssid : "?");
		good = false;
	}
	return (!named(&v[GATEWAYS]) || gateways_fit(s, i)) && good;
}

static void refuse(struct seen *s, const char *name)
{
	if (s->refused && json_array_size(s->refused) < SK_NETWORKS_REFUSED)
		json_array_append_new(s->refused, json_string(name));
}

static bool is_hardware(const char *kind)
{
	return strcmp(kind, "wired") == 0 || strcmp(kind, "wireless") == 0 || strcmp(kind, "mobile") == 0 ||
	       strcmp(kind, "bluetooth") == 0;
}

static void look(struct seen *s, const json_t *i)
{
	const char *kind = text(i, "kind"), *name = text(i, "name");

	if (strcmp(kind, "vpn") == 0) {
		if (json_is_true(json_object_get(i, "up")) && !in_list(&s->p->v[VPN], name, is_glob)) {
			sk_check_say(s->detail, N_("%1 is a tunnel (VPN) that is not permitted."), name, NULL);
			refuse(s, name);
			s->strangers++;
		}
		return;
	}
	/* What runs on this machine alone (containers, virtual machines) leads nowhere without a gateway. */
	bool reaches = is_hardware(kind) || json_array_size(json_object_get(i, "gateways")) > 0;
	if (!is_connected(i) || !reaches)
		return;
	s->connected++;
	s->with_gateway += json_array_size(json_object_get(i, "gateways")) > 0;
	if (of_another_zone(s, i)) {
		sk_check_say(s->detail, N_("%1 is connected to a network of another zone."), name, NULL);
		refuse(s, name);
		s->others++;
	} else if (fits(s, i)) {
		s->own++;
	} else {
		refuse(s, name);
		s->strangers++;
	}
}

static enum sk_state verdict(const struct seen *s, bool designated)
{
	char count[32];

	if (s->others > 0 && s->own + s->strangers > 0)
		sk_check_say(s->detail, N_("It is connected to two zones at once."), NULL, NULL);
	else if (s->with_gateway > 1 && !(designated && s->own == s->connected))
		sk_check_say(s->detail, N_("It is connected to several networks at once."), NULL, NULL);
	else if (s->others + s->strangers > 0)
		;
	else if (!designated) {
		sk_check_say(s->detail,
		             N_("The office has not designated this terminal's networks (gateways, subnets, ssids or "
		                "interfaces)."),
		             NULL, NULL);
		return SK_STATE_UNKNOWN;
	} else if (s->unknown) {
		return SK_STATE_UNKNOWN;
	} else {
		snprintf(count, sizeof(count), "%zu", s->connected);
		sk_check_say(s->detail, N_("Connected by %1 interfaces, all to designated networks."), count, NULL);
		return SK_STATE_COMPLIANT;
	}
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *list = json_object_get(facts, "interfaces");
	struct seen s = {.p = p, .detail = detail};
	bool designated =
	    named(&p->v[GATEWAYS]) || named(&p->v[SUBNETS]) || named(&p->v[SSIDS]) || named(&p->v[INTERFACES]);

	(void)now_ms;
	if (!json_is_array(list)) {
		sk_check_say(detail, N_("What the terminal is connected to could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	for (size_t i = 0; i < json_array_size(list); i++)
		look(&s, json_array_get(list, i));
	if (json_is_true(json_object_get(facts, "cut"))) {
		sk_check_say(detail, N_("There are more interfaces than can be judged."), NULL, NULL);
		s.unknown = true;
	}
	if (s.connected + s.strangers == 0 && !s.unknown) {
		sk_check_say(detail, N_("It is connected to no network now."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (p->v[ENFORCE].n && s.others + s.strangers > 0)
		sk_check_say(detail, N_("What is named here is closed by the agent; its way to the server stays open."),
		             NULL, NULL);
	return verdict(&s, designated);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *sk_networks_refused(const struct sk_check_set *p, const json_t *facts)
{
	const json_t *list = json_object_get(facts, "interfaces");
	json_t *names = json_array(), *detail = json_array(), *sorted = json_array();
	const char *name[SK_NETWORKS_REFUSED];
	struct seen s = {.p = p, .detail = detail, .refused = names};
	bool enforce = p->applies && p->v[ENFORCE].n;
	size_t n;

	if (enforce && !json_is_array(list)) {
		json_decref(sorted);
		sorted = NULL;
	}
	for (size_t i = 0; enforce && i < json_array_size(list); i++)
		look(&s, json_array_get(list, i));
	n = json_array_size(names);
	for (size_t i = 0; i < n; i++)
		name[i] = json_string_value(json_array_get(names, i));
	if (n > 0)
		qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; sorted && i < n; i++)
		json_array_append_new(sorted, json_string(name[i]));
	json_decref(names);
	json_decref(detail);
	return sorted;
}

const struct sk_check sk_check_networks = {
    .id = "networks",
    .row = "P13",
    .clause = "6.1(19)",
    .duty = SK_DUTY_MUST,
    .title = N_("Networks"),
    .explanation = N_(
        "This terminal is connected only to the networks that the system manager designated for it, and never to two "
        "zones at once."),
    .remediation = N_("Pull out the cable, or leave the network, that is named above. If it is needed for the work, "
                      "ask the helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
