/* The further conditions of rules: each alone, matching and not, and what is refused when it is read. */
#include <errno.h>
#include <libusb.h>

#include "policy/rule.h"
#include "tests/unit/policy_help.h"

static const char *const groups[] = {"staff", "zeimu", "domain users"};

static struct sk_device device(void)
{
	struct sk_device d = {.name = "1-2",
	                      .bus = "usb",
	                      .vendor = "Transcend",
	                      .product = "JetFlash 620",
	                      .serial = "TS0042",
	                      .has_serial = true,
	                      .connect = "hotplug",
	                      .desc_ok = true};

	d.desc.vid = 0x8564;
	d.desc.pid = 0x1052;
	memset(d.desc.device_key, 'a', SK_SHA256_HEX - 1);
	d.desc.n_alts = 2;
	d.desc.alts[0] = (struct sk_usb_alt){.config = 1,
	                                     .cls = 8,
	                                     .sub = 6,
	                                     .proto = 0x50,
	                                     .first_config = true,
	                                     .transfers = 1u << LIBUSB_TRANSFER_TYPE_BULK};
	d.desc.alts[1] = (struct sk_usb_alt){.config = 1, .number = 1, .cls = 3, .first_config = true};
	return d;
}

static struct sk_context context(void)
{
	/* 2026-04-01, a Wednesday, 10:00 in Japan. */
	return (struct sk_context){.now = 1775005200000ll,
	                           .person = "shokuin1",
	                           .other_keyboards = 1,
	                           .other_mice = 1,
	                           .groups = groups,
	                           .n_groups = 3,
	                           .host = "PC-0123",
	                           .section = "zeimu",
	                           .utc_offset_s = 9 * 3600};
}

static enum sk_match match(const char *keys, const struct sk_device *d, const struct sk_context *c,
                           const struct sk_media_facts *m)
{
	struct sk_policy *p;
	struct sk_rule_query q;
	enum sk_match r;
	char text[512];

	snprintf(text, sizeof(text), "[rule a]\nkind = storage\n%s\naction = allow\n", keys);
	p = help_policy(text);
	sk_rule_query_init(&q, p, d, c, m);
	r = sk_rule_match(&p->rules[0], &q, &d->desc.alts[0]);
	sk_policy_free(p);
	return r;
}

Test(condition, each_alone)
{
	static const struct {
		const char *keys;
		enum sk_match is;
	} cases[] = {
	    {"interfaces_any = 0e/../.. 03/../..", SK_MATCH_YES},
	    {"interfaces_any = 0e/../..", SK_MATCH_INTERFACES},
	    {"interfaces_all = 08/06/50 03/../..", SK_MATCH_YES},
	    {"interfaces_all = 08/06/50 0e/../..", SK_MATCH_INTERFACES},
	    {"interfaces_only = 08/../.. 03/../..", SK_MATCH_YES},
	    {"interfaces_only = 08/../..", SK_MATCH_INTERFACES},
	    {"bus = mmc usb", SK_MATCH_YES},
	    {"bus = mmc thunderbolt", SK_MATCH_BUS},
	    {"device = 8564:10*", SK_MATCH_YES},
	    {"device = 8564:1*", SK_MATCH_YES},
	    {"device = 8564:105*", SK_MATCH_YES},
	    {"device = 8564:11*", SK_MATCH_DEVICE},
	    {"name = *jetflash*", SK_MATCH_YES},
	    {"name = TRANSCEND", SK_MATCH_YES},
	    {"name = kingston* | transcend jetflash ???", SK_MATCH_YES},
	    {"name = jetflash", SK_MATCH_NAME},
	    {"serial = TS*", SK_MATCH_YES},
	    {"serial = *", SK_MATCH_YES},
	    {"serial = TS0042*", SK_MATCH_YES},
	    {"serial = TS1*", SK_MATCH_SERIAL},
	    {"serial = TS", SK_MATCH_SERIAL},
	    {"connect = hotplug", SK_MATCH_YES},
	    {"connect = fixed unknown", SK_MATCH_CONNECT},
	    {"zone = lgwan internet", SK_MATCH_YES},
	    {"zone = lgwan", SK_MATCH_ZONE},
	    {"host = pc-0123", SK_MATCH_YES},
	    {"host = pc-01* pc-99*", SK_MATCH_YES},
	    {"host = pc-02*", SK_MATCH_HOST},
	    {"section = soumu zeimu", SK_MATCH_YES},
	    {"section = soumu", SK_MATCH_SECTION},
	    {"person = shokuin2 shokuin1", SK_MATCH_YES},
	    {"person = shokuin*", SK_MATCH_YES},
	    {"person = Shokuin1", SK_MATCH_PERSON},
	    {"group = domain?users", SK_MATCH_YES},
	    {"group = zeimu", SK_MATCH_YES},
	    {"group = soumu", SK_MATCH_GROUP},
	    {"hours = 08:30-17:15", SK_MATCH_YES},
	    {"hours = 12:00-13:00", SK_MATCH_TIME},
	    {"days = mon-fri", SK_MATCH_YES},
	    {"days = sat sun", SK_MATCH_TIME},
	    {"from = 2026-04-01\nuntil = fiscal-year-end", SK_MATCH_YES},
	    {"from = 2026-04-02", SK_MATCH_TIME},
	    {"until = 2026-03-31", SK_MATCH_TIME},
	    {"grade = C", SK_MATCH_YES},
	    {"grade = B", SK_MATCH_MEDIUM},
	    {"ledger = M-*", SK_MATCH_MEDIUM},
	    {"encryption = luks", SK_MATCH_MEDIUM},
	    {"size = 1G-64G", SK_MATCH_MEDIUM},
	};
	struct sk_device d = device();
	struct sk_context c = context();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(match(cases[i].keys, &d, &c, NULL), cases[i].is, "%s", cases[i].keys);
}

Test(condition, what_is_not_known_matches_no_word)
{
	struct sk_device d = device();
	struct sk_context c = {.now = 1775005200000ll, .person = ""};

	cr_expect_eq(match("person = *", &d, &c, NULL), SK_MATCH_PERSON);
	cr_expect_eq(match("host = *", &d, &c, NULL), SK_MATCH_HOST);
	cr_expect_eq(match("section = *", &d, &c, NULL), SK_MATCH_SECTION);
	cr_expect_eq(match("group = *", &d, &c, NULL), SK_MATCH_GROUP);
	d.has_serial = false;
	cr_expect_eq(match("serial = *", &d, &c, NULL), SK_MATCH_SERIAL);
	sk_text_copy(d.bus, sizeof(d.bus), "acme");
	cr_expect_eq(match("bus = usb mmc scsi ata pci nvme thunderbolt firewire", &d, &c, NULL), SK_MATCH_BUS);
}

Test(condition, the_medium)
{
	static const struct {
		const char *keys;
		enum sk_match is;
	} cases[] = {
	    {"grade = B", SK_MATCH_YES},
	    {"grade = A", SK_MATCH_GRADE},
	    {"ledger = M-2026-*", SK_MATCH_YES},
	    {"ledger = M-2025-0001 M-2026-0001", SK_MATCH_YES},
	    {"ledger = M-2025-*", SK_MATCH_LEDGER},
	    {"encryption = any", SK_MATCH_YES},
	    {"encryption = none bitlocker", SK_MATCH_ENCRYPTION},
	    {"size = 1G-64G", SK_MATCH_YES},
	    {"size = -1G", SK_MATCH_SIZE},
	};
	struct sk_media_facts m = {
	    .encryption = SK_ENC_LUKS, .size = 8000000000ull, .ledger = "M-2026-0001", .grade = SK_GRADE_B};
	struct sk_device d = device();
	struct sk_context c = context();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(match(cases[i].keys, &d, &c, &m), cases[i].is, "%s", cases[i].keys);
	memset(&m, 0, sizeof(m));
	cr_expect_eq(match("ledger = *", &d, &c, &m), SK_MATCH_LEDGER);
	cr_expect_eq(match("encryption = any", &d, &c, &m), SK_MATCH_MEDIUM, "could not be told: open");
	cr_expect_eq(match("size = 1-", &d, &c, &m), SK_MATCH_MEDIUM);
	d.desc.alts[1].cls = 8;
	d.desc.alts[0].cls = 7; /* a printer has no medium to look at */
	struct sk_policy *p = help_policy("[rule a]\nkind = printer\nencryption = any\naction = allow\n");
	struct sk_rule_query q;

	sk_rule_query_init(&q, p, &d, &c, NULL);
	cr_expect_eq(sk_rule_match(&p->rules[0], &q, &d.desc.alts[0]), SK_MATCH_ENCRYPTION);
	sk_policy_free(p);
}

static void refused(const char *keys, const char *says)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	char text[4096];

	snprintf(text, sizeof(text), HELP_HEAD "[rule a]\n%s\n", keys);
	cr_expect_eq(sk_policy_parse("bad.ini", text, strlen(text), &p, &err), -EINVAL, "taken: %s", keys);
	cr_expect(strncmp(err.text, "bad.ini:", 8) == 0 && strstr(err.text, says), "%s -> %s", keys, err.text);
	cr_expect_null(p);
}

Test(condition, refuses)
{
	refused("kind = hub\nbus = usb pcie\naction = allow", "\"pcie\" is not one of: usb");
	refused("kind = hub\nconnect = removable\naction = allow", "hotplug fixed unknown");
	refused("kind = hub\nzone = intranet\naction = allow", "internet lgwan my-number");
	refused("kind = hub\nencryption = veracrypt\naction = allow", "none luks");
	refused("kind = hub\ngrade = D\naction = allow", "not A, B or C");
	refused("kind = hub\naccess = all\naction = allow", "ro rw encrypted");
	refused("kind = hub\naccess = none\naction = allow", "ro rw encrypted");
	refused("kind = hub\naccess = ro\naction = deny", "denies");
	refused("kind = hub\nsize = big\naction = allow", "not like 1G-64G");
	refused("kind = hub\ninterfaces_all = 8/6/50\naction = allow", "not like 08/06/50");
	refused("kind = hub\nhours = morning\naction = allow", "not like 08:30-17:15");
	refused("kind = hub\ndays = weekday\naction = allow", "not like mon-fri");
	refused("kind = hub\nuntil = fiscal-year-end\naction = allow", "needs from");
	refused("kind = hub\nfrom = 2026-04-02\nuntil = 2026-04-01\naction = allow", "before from");
	refused("kind = hub\ndevice = 046d:c531*\naction = allow", "not like");
	refused("kind = hub\ndevice = 04*:c531\naction = allow", "not like");
	refused("person = shokuin1\naction = allow", "would allow every device");
	refused("bus = usb\nhours = 08:30-17:15\naction = allow", "would allow every device");
	refused("kind = hub\nperson =\naction = allow", "");
}
