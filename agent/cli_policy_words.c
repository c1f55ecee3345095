/* policy, in plain words: what holds here for whom, without the file's own language. `sekimori policy --text` shows the file. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "common/buf.h"
#include "policy/policy.h"

#define KINDS_MAX 32

static const char *access_word(enum sk_access a)
{
	static const char *const words[] = {
	    [SK_ACCESS_NONE] = N_("not at all"),   [SK_ACCESS_ENCRYPTED_RO] = N_("encrypted only, read only"),
	    [SK_ACCESS_RO] = N_("read only"),      [SK_ACCESS_ENCRYPTED] = N_("read and write inside encryption only"),
	    [SK_ACCESS_RW] = N_("read and write"),
	};

	return words[a];
}

/* The sorts that only rules tell apart have no word elsewhere. */
static const char *kind_word(unsigned one)
{
	static const struct {
		unsigned kind;
		const char *word;
	} sorts[] = {
	    {SK_USB_OPTICAL, N_("disc drive")},
	    {SK_USB_CARD_READER, N_("reader of memory cards")},
	    {SK_USB_PTP, N_("camera")},
	    {SK_USB_MTP, N_("phone or player as storage")},
	    {SK_USB_TETHER, N_("phone as a network")},
	    {SK_USB_MODEM, N_("modem")},
	};

	for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
		if (sorts[i].kind == one)
			return sorts[i].word;
	return sk_usb_kind_word(one);
}

/* "storage media, pictures"; every kind when none is named. */
static void kinds_of(struct sk_cli *cli, unsigned kinds, struct sk_buf *out)
{
	bool first = true;

	if (kinds == 0)
		sk_buf_adds(out, sk_cli_tr(cli, N_("every kind of device")));
	for (int i = 0; i < KINDS_MAX; i++) {
		unsigned one = kinds & 1u << i;

		if (one == 0)
			continue;
		sk_buf_addf(out, "%s%s",
		            first                     ? ""
		            : cli->lang == SK_LANG_JA ? "、"
		                                      : ", ",
		            sk_cli_tr(cli, kind_word(one)));
		first = false;
	}
}

/* A rule that asks for more than kinds does not hold for everything of them. */
static bool asks_more(const struct sk_rule *r)
{
	return r->only || r->with || r->n_classes || r->n_models || r->serial || r->n_ports || r->ifaces_any.n ||
	       r->ifaces_all.n || r->ifaces_only.n || r->buses || r->connects || r->names.n || r->ledgers.n ||
	       r->encryptions || r->has_size || r->grade != SK_GRADE_C;
}

static bool asks_who(const struct sk_rule *r)
{
	return r->persons.n || r->groups.n || r->hosts.n || r->sections.n || r->zones;
}

static void rule(struct sk_cli *cli, const struct sk_policy *p, const struct sk_rule *r)
{
	const char *reason = cli->lang == SK_LANG_JA ? r->reason_ja : r->reason_en;
	bool stores = (r->kinds & SK_USB_STORING) != 0 || r->kinds == 0;
	enum sk_access a = sk_media_access(&p->media, r->access);
	struct sk_buf kinds;

	sk_buf_init(&kinds, 2048);
	kinds_of(cli, r->kinds, &kinds);
	if (r->action == SK_ACTION_DENY)
		sk_cli_say(cli, N_("  %1: refused"), kinds.data, NULL);
	else if (r->action == SK_ACTION_GRANT)
		sk_cli_say(cli, N_("  %1: only with a permit; at most %2"), kinds.data, sk_cli_tr(cli, access_word(a)),
		           NULL);
	else if (stores)
		sk_cli_say(cli, N_("  %1: allowed; at most %2"), kinds.data, sk_cli_tr(cli, access_word(a)), NULL);
	else
		sk_cli_say(cli, N_("  %1: allowed"), kinds.data, NULL);
	sk_buf_deinit(&kinds);
	if (asks_more(r))
		sk_cli_say(cli, N_("    for certain models, places or kinds of medium only (rule %1)"), r->name, NULL);
	if (asks_who(r))
		sk_cli_say(cli, N_("    for certain persons, sections or terminals only (rule %1)"), r->name, NULL);
	if (reason)
		sk_cli_say(cli, "    %1", reason, NULL);
}

static void minutes(char out[24], long long seconds)
{
	snprintf(out, 24, "%lld", (seconds + 59) / 60);
}

static void media(struct sk_cli *cli, const struct sk_policy *p)
{
	bool close =
	    p->media.on_lock == SK_LOCK_CLOSE || (p->media.on_lock == SK_LOCK_BY_ZONE && p->zone != SK_ZONE_INTERNET);

	sk_cli_say(cli, N_("Media:"), NULL);
	sk_cli_say(cli,
	           p->media.write_plain ? N_("  may be written to in clear where writing is permitted")
	                                : N_("  are written to inside encryption only"),
	           NULL);
	sk_cli_say(cli,
	           close ? N_("  are closed while the screen is locked") : N_("  stay open while the screen is locked"),
	           NULL);
	if (p->scan.before_use)
		sk_cli_say(cli, N_("  are scanned for viruses before each use"), NULL);
	if (p->media.antivirus)
		sk_cli_say(cli, N_("  are refused while this terminal's virus protection is not in order"), NULL);
	if (p->confirm_keyboard)
		sk_cli_say(cli, N_("A new keyboard beside another waits until it is confirmed: sekimori confirm"),
		           NULL);
}

static void screen(struct sk_cli *cli, const struct sk_policy *p)
{
	char limit[24];

	if (!sk_check_param(&p->checks, "screen-lock", "enforce")->n)
		return;
	minutes(limit, sk_check_param(&p->checks, "screen-lock", "idle_limit")->n);
	sk_cli_say(cli, N_("The screen locks after %1 minutes at most."), limit, NULL);
	if (sk_check_param(&p->checks, "screen-lock", "end_session")->n)
		sk_cli_say(cli, N_("  A session that does not lock is ended."), NULL);
	if (sk_check_param(&p->checks, "screen-lock", "end_text")->n)
		sk_cli_say(cli, N_("  A text console that is left is ended."), NULL);
	if (*sk_check_param(&p->checks, "screen-lock", "keys")->text)
		sk_cli_say(cli, N_("  It also locks when the security key or card reader is unplugged."), NULL);
}

static void checks(struct sk_cli *cli, const struct sk_policy *p)
{
	const struct sk_check *all;
	char days[24];
	size_t n;

	all = sk_checks(&n);
	sk_cli_say(cli, N_("Checked on this terminal (details: sekimori check):"), NULL);
	for (size_t i = 0; i < n; i++) {
		const struct sk_check_set *set = sk_check_set_of(&p->checks, &all[i]);

		if (!set || !set->applies)
			continue;
		snprintf(days, sizeof days, "%lld", set->grace_s / 86400);
		if (set->grace_s >= 86400)
			sk_cli_say(cli, N_("  %1 (to be put right within %2 days)"), sk_cli_tr(cli, all[i].title), days,
			           NULL);
		else
			sk_cli_say(cli, "  %1", sk_cli_tr(cli, all[i].title), NULL);
	}
}

static void head(struct sk_cli *cli, const struct sk_policy *p, const json_t *answer)
{
	char version[24];

	snprintf(version, sizeof version, "%lld", (long long)p->version);
	sk_cli_say(cli, N_("Policy %1, version %2, zone %3: %4"), p->name, version,
	           sk_cli_zone(cli, sk_zone_name(p->zone)), sk_cli_mode(cli, sk_mode_name(p->mode)), NULL);
	if (*sk_cli_string(answer, "problem"))
		sk_cli_say(cli, "! %1", sk_cli_string(answer, "problem"), NULL);
}

int sk_cli_policy_words(struct sk_cli *cli, const json_t *answer)
{
	const char *text = sk_cli_string(answer, "text");
	const char *contact;
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *p = NULL;

	if (sk_policy_parse(sk_cli_string(answer, "file"), text, strlen(text), &p, &err) < 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "invalid", "%1", err.text, NULL);
	head(cli, p, answer);
	sk_cli_say(cli, N_("What is plugged in; the first line that fits decides, and what no line names is refused:"),
	           NULL);
	for (size_t i = 0; i < p->n_rules; i++)
		rule(cli, p, &p->rules[i]);
	media(cli, p);
	screen(cli, p);
	checks(cli, p);
	contact = cli->lang == SK_LANG_JA ? p->contact_ja : p->contact_en;
	if (*contact)
		sk_cli_say(cli, N_("Questions: %1"), contact, NULL);
	sk_policy_free(p);
	return SK_EXIT_OK;
}
