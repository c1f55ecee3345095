/*
 * Rules that no device, person, moment or medium can match, told by their own conditions: sets that leave each other out, dates that are
 * past, another zone, a medium asked of what has none. Says so only where it is sure.
 */
#include <libusb.h>

#include "policy/rule.h"

static bool bytes_meet(int a, int b)
{
	return a < 0 || b < 0 || a == b;
}

static bool classes_meet(const struct sk_rule_class *a, const struct sk_rule_class *b)
{
	return bytes_meet(a->cls, b->cls) && bytes_meet(a->sub, b->sub) && bytes_meet(a->proto, b->proto);
}

static bool meets_any(const struct sk_rule_class *c, const struct sk_rule_class *of, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (classes_meet(c, &of[i]))
			return true;
	}
	return false;
}

static bool lists_meet(const struct sk_rule_class *a, size_t na, const struct sk_rule_class *b, size_t nb)
{
	for (size_t i = 0; i < na; i++) {
		if (meets_any(&a[i], b, nb))
			return true;
	}
	return false;
}

/* Does interfaces_only leave out what the rule asks for elsewhere. */
static bool only_contradicts(const struct sk_rule *r)
{
	const struct sk_rule_classes *only = &r->ifaces_only;

	if (only->n == 0)
		return false;
	if (r->n_classes && !lists_meet(r->classes, r->n_classes, only->of, only->n))
		return true;
	if (r->ifaces_any.n && !lists_meet(r->ifaces_any.of, r->ifaces_any.n, only->of, only->n))
		return true;
	for (size_t i = 0; i < r->ifaces_all.n; i++) {
		if (!meets_any(&r->ifaces_all.of[i], only->of, only->n))
			return true;
	}
	return false;
}

/* The kinds that an interface of this class can have, whatever else it says. */
static unsigned kinds_of_class(int cls)
{
	switch (cls) {
	case LIBUSB_CLASS_AUDIO:
		return SK_USB_AUDIO;
	case LIBUSB_CLASS_HID:
		return SK_USB_INPUT | SK_USB_STORAGE;
	case LIBUSB_CLASS_HUB:
		return SK_USB_HUB | SK_USB_STORAGE;
	case LIBUSB_CLASS_IMAGE:
		return SK_USB_IMAGE;
	case LIBUSB_CLASS_PRINTER:
		return SK_USB_PRINTER;
	case LIBUSB_CLASS_MASS_STORAGE:
		return SK_USB_STORAGE;
	case LIBUSB_CLASS_SMART_CARD:
		return SK_USB_SMARTCARD;
	case LIBUSB_CLASS_VIDEO:
		return SK_USB_VIDEO;
	default:
		return ~0u;
	}
}

static bool class_contradicts_kind(const struct sk_rule *r)
{
	for (size_t i = 0; i < r->n_classes; i++) {
		if (kinds_of_class(r->classes[i].cls) & sk_usb_kinds_whole(sk_rule_kinds(r)))
			return false;
	}
	return r->n_classes > 0 && r->kinds;
}

/* No grade lets anything of it through. */
static bool grades_give_nothing(const struct sk_policy *p, const struct sk_rule *r)
{
	if (r->action == SK_ACTION_DENY || !r->kinds ||
	    (sk_usb_kinds_whole(r->kinds) & ~(unsigned)SK_USB_NAMES_STORING))
		return false;
	for (int g = r->grade; g <= SK_GRADE_A; g++) {
		if (p->grade_max[g] != SK_ACCESS_NONE)
			return false;
	}
	return true;
}

const char *sk_rule_never(const struct sk_policy *p, const struct sk_rule *r, sk_ms now, int utc_offset_s)
{
	unsigned kinds = sk_usb_kinds_whole(sk_rule_kinds(r)), only = sk_usb_kinds_whole(r->only);
	bool medium = sk_rule_asks_medium(r) || r->grade > SK_GRADE_C;

	if (r->only && !(kinds & only))
		return "\"only\" leaves out every kind it asks for";
	if (r->only && r->with && !(sk_usb_kinds_whole(r->with) & only))
		return "\"only\" leaves out every kind in \"with\"";
	if (only_contradicts(r))
		return "\"interfaces_only\" leaves out an interface that it asks for";
	if (class_contradicts_kind(r))
		return "no interface of the classes in \"interface\" is of a kind in \"kind\"";
	if (r->zones && !(r->zones >> p->zone & 1))
		return "it is for other zones than this policy's";
	if (r->encryptions == SK_ENC_HARDWARE)
		return "nothing that a terminal can see proves that a medium encrypts by itself";
	if (!sk_when_possible(&r->when))
		return "none of its days lies between \"from\" and \"until\"";
	if (now > 0 && sk_when_over(&r->when, now, utc_offset_s))
		return "its last day is past; remove the rule or give it a new \"until\"";
	if (medium && !(kinds & SK_USB_STORAGE) && (sk_rule_asks_medium(r) || !(kinds & SK_USB_IMAGE)))
		return "it asks for something of a medium, but none of its kinds has one";
	if (r->kinds && !(kinds & ~(unsigned)SK_USB_NAMES_STORING) && !(kinds & SK_USB_STORAGE) && r->has_access &&
	    r->access != SK_ACCESS_RW)
		return "a camera or phone cannot be held to this access; it is refused";
	if (grades_give_nothing(p, r))
		return "[grants] gives nothing to media of this grade";
	return NULL;
}
