/*
 * What the clerk reads: what happened to the device, why, and what to do. Three sentences at most, each a whole msgid with %1 %2 ... for
 * what is filled in, so that a language can put them where it needs them. The rule's own reason, where the policy gives one,
 * stands in place of the built-in one.
 */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/i18n.h"
#include "policy/decide.h"

#define ARGS_MAX       4
#define NAME_MAX_BYTES (2 * SK_DEV_TEXT + 24)

struct words {
	const struct sk_policy *policy;
	const struct sk_device *device;
	const struct sk_verdict *verdict;
	enum sk_lang lang;
	struct sk_buf *out;
};

/* What to do after a refusal, by its reason. %1 port, %2 whom to ask, %3 a time. */
static const struct {
	const char *why;
	const char *todo;
} texts[] = {
    [SK_REASON_RULE_ALLOW] = {NULL, NULL},
    [SK_REASON_RULE_DENY] = {N_("This kind of device may not be used on this terminal."),
                             N_("If you need it for your work, ask %2.")},
    [SK_REASON_DEFAULT] = {N_("No rule of this terminal allows this kind of device."),
                           N_("If you need it for your work, ask %2.")},
    [SK_REASON_GRANT] = {N_("The permit ends at %3."), NULL},
    [SK_REASON_NO_GRANT] = {N_("There is no permit for it."),
                            N_("Leave it plugged in and ask for one: sekimori request media --device %1 (or ask %2).")},
    [SK_REASON_GRANT_EXPIRED] =
        {N_("Its permit ended at %3."),
         N_("If you still need it, ask again: sekimori request media --device %1 (or ask %2).")},
    [SK_REASON_GRANT_NOT_YET] = {N_("Its permit begins at %3."),
                                 N_("It opens by itself at that time; if you need it earlier, ask %2.")},
    [SK_REASON_GRANT_PERSON] =
        {N_("Its permit is for another person."),
         N_("If you need it yourself, ask for your own permit: sekimori request media --device %1 (or ask %2).")},
    [SK_REASON_GRADE] = {N_("This medium is not registered, and unregistered media are not opened on this terminal."),
                         N_("Use a registered medium, or have this one registered: ask %2.")},
    [SK_REASON_MALFORMED] = {N_("It describes itself in a way that no working device does."),
                             N_("Unplug it, do not use it anywhere else, and hand it to %2.")},
    [SK_REASON_HIDDEN_STORAGE] = {N_("It hides storage behind another function."),
                                  N_("Unplug it, do not use it anywhere else, and hand it to %2.")},
    [SK_REASON_SAFE_PATH] = {N_("It is admitted because this terminal has no other keyboard or mouse at this moment."),
                             NULL},
    [SK_REASON_AUDIT] = {N_("It would be refused; for now this is only recorded."),
                         N_("If you need it for your work, ask %2.")},
    [SK_REASON_INFECTED] =
        {N_("Something malicious was found on it."),
         N_("Unplug the network cable of this terminal first, leave the terminal switched on, and tell your "
            "section manager and %2 at once.")},
    [SK_REASON_CHANGED] = {N_("It changed what it says of itself while it was being checked."),
                           N_("Unplug it, do not use it anywhere else, and hand it to %2.")},
    [SK_REASON_NOT_ENCRYPTED] = {N_("Only encrypted media are opened on this terminal."),
                                 N_("Use an encrypted medium, or ask %2.")},
    [SK_REASON_GRANT_USED_UP] =
        {N_("Its permit has been used as often as it allows."),
         N_("If you still need it, ask again: sekimori request media --device %1 (or ask %2).")},
    [SK_REASON_ANTIVIRUS] =
        {N_("The antivirus of this terminal is not up to date, and no medium may be used until it is."),
         N_("See: sekimori check antivirus. If it does not come right by itself, tell %2.")},
    [SK_REASON_LOCKED] = {N_("The screen is locked."), N_("It opens again when you unlock the screen.")},
    [SK_REASON_CONFIRM] =
        {N_("It may type, and this terminal has a keyboard already."),
         N_("If you plugged it in yourself, type on the keyboard that is there: sekimori confirm %1. If not, "
            "unplug it and tell %2.")},
    [SK_REASON_LOOKING] = {N_("It is being looked at for the ledger; nobody can use it."), NULL},
    [SK_REASON_MEDIA_KEY] = {N_("It is registered, but it was reformatted or exchanged since."),
                             N_("Do not use it; hand it to %2, who can register it anew.")},
    [SK_REASON_LOST] = {N_("The ledger has this medium as lost."),
                        N_("Unplug it and hand it to %2 at once; say where it was found.")},
    [SK_REASON_ERASED] = {N_("The ledger has this medium as erased; it is not in use."), N_("Hand it to %2.")},
    [SK_REASON_DISPOSED] = {N_("The ledger has this medium as disposed of."), N_("Unplug it and hand it to %2.")},
    [SK_REASON_NO_READ_ONLY] = {N_("Only reading would be allowed, and a camera or phone cannot be held to that."),
                                N_("Put its memory card into a card reader, or ask %2.")},
    [SK_REASON_NOT_SANITISED] = {N_("It was last written in another zone and has not been sanitised since."),
                                 N_("Hand it to %2 to be sanitised; once that is on record it opens here.")},
};

/* Appends the translated msgid with %1 .. %4 replaced. */
static void say(const struct words *w, const char *msgid, const char *const args[ARGS_MAX])
{
	const char *t = sk_tr(w->lang, msgid);

	for (;;) {
		size_t n = strcspn(t, "%");
		const char *arg;

		(void)sk_buf_add(w->out, t, n);
		t += n;
		if (*t == '\0')
			return;
		if (t[1] < '1' || t[1] >= '1' + ARGS_MAX) {
			(void)sk_buf_addc(w->out, *t++);
			continue;
		}
		arg = args[t[1] - '1'];
		(void)sk_buf_adds(w->out, arg ? arg : "");
		t += 2;
	}
}

/* English puts a blank between sentences, Japanese does not. */
static void gap(const struct words *w)
{
	if (w->lang != SK_LANG_JA && w->out->len > 0)
		sk_buf_addc(w->out, ' ');
}

/* "Maker Model", or the kind of the device in words. */
static void name_of(const struct words *w, unsigned kind, char *dst, size_t size)
{
	const struct sk_device *d = w->device;
	int n;

	if (d->product[0] || d->vendor[0])
		n = snprintf(dst, size, "%s%s%s", d->vendor, d->vendor[0] && d->product[0] ? " " : "", d->product);
	else
		n = snprintf(dst, size, "%s %04x:%04x", sk_tr(w->lang, sk_usb_kind_word(kind)), d->desc.vid,
		             d->desc.pid);
	if (n < 0)
		dst[0] = '\0';
}

static const char *contact(const struct words *w)
{
	const struct sk_policy *p = w->policy;
	const char *c = !p ? "" : w->lang == SK_LANG_JA ? p->contact_ja : p->contact_en;

	return c[0] ? c : sk_tr(w->lang, N_("the helpdesk"));
}

static bool any_allowed(const struct sk_verdict *v, unsigned *kind)
{
	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (v->ifaces[i].allow) {
			*kind = v->ifaces[i].kind;
			return true;
		}
	}
	return false;
}

static void what(const struct words *w, const struct sk_iface_verdict *main)
{
	char name[NAME_MAX_BYTES];
	unsigned kind = main ? main->kind : SK_USB_OTHER, works = kind;
	const char *args[ARGS_MAX] = {name};
	bool partly = any_allowed(w->verdict, &works);

	name_of(w, kind, name, sizeof(name));
	args[1] = sk_tr(w->lang, sk_usb_kind_word(kind));
	args[2] = sk_tr(w->lang, sk_usb_kind_word(works));
	if (!w->verdict->allow && main && (kind & SK_USB_STORING))
		say(w, N_("The medium \"%1\" was not opened."), args);
	else if (!w->verdict->allow)
		say(w, N_("The device \"%1\" was refused."), args);
	else if (main && !main->allow && partly)
		say(w, N_("The device \"%1\" works as: %3. Refused is its part: %2."), args);
	else if (main && main->pending)
		say(w, N_("The medium \"%1\" is being looked at."), args);
	else if (main && (kind & SK_USB_STORING) && !sk_access_writes(main->access))
		say(w, N_("The medium \"%1\" is open for reading only."), args);
	else if (main && (kind & SK_USB_STORING))
		say(w, N_("The medium \"%1\" is open for reading and writing."), args);
	else
		say(w, N_("The device \"%1\" may be used."), args);
}

/* The rule's own words, where the policy has them and the rule itself is the reason. */
static const char *rule_reason(const struct words *w, const struct sk_iface_verdict *main)
{
	const struct sk_rule *r = main ? main->rule : NULL;
	const char *own;

	if (!r || main->allow || (main->reason != SK_REASON_RULE_DENY && main->reason != SK_REASON_NO_GRANT))
		return NULL;
	own = w->lang == SK_LANG_JA ? r->reason_ja : r->reason_en;
	return own && own[0] ? own : NULL;
}

static void grant_time(const struct sk_iface_verdict *main, enum sk_reason reason, char *dst, size_t size)
{
	dst[0] = '\0';
	if (!main || !main->grant)
		return;
	sk_clock_format_local(reason == SK_REASON_GRANT_NOT_YET ? main->grant->from : main->grant->until, dst, size);
}

void sk_verdict_sentence(const struct sk_policy *p, const struct sk_device *d, const struct sk_verdict *v, int lang,
                         struct sk_buf *out)
{
	struct words w = {p, d, v, lang == SK_LANG_JA ? SK_LANG_JA : SK_LANG_EN, out};
	const struct sk_iface_verdict *main = sk_verdict_main(v);
	/* The agent may have set the reason of the whole itself (SK_REASON_CHANGED). */
	size_t reason = (unsigned)v->reason < sizeof(texts) / sizeof(texts[0]) ? v->reason : SK_REASON_DEFAULT;
	const char *own = rule_reason(&w, main);
	char when[32];
	const char *args[ARGS_MAX] = {d->name, contact(&w), when};

	grant_time(main, v->reason, when, sizeof(when));
	what(&w, main);
	if (own || texts[reason].why) {
		gap(&w);
		if (own)
			sk_buf_adds(out, own);
		else
			say(&w, texts[reason].why, args);
	}
	if (texts[reason].todo) {
		gap(&w);
		say(&w, texts[reason].todo, args);
	}
}
