/*
 * Fuzzer of the policy reader. Input: a policy file. Beyond memory errors it holds that a refusal names the file, that nothing is handed out on
 * refusal, and that a policy that is taken still keeps an ungranted stick out unless one of its rules allows storage by name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "policy/decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void stick_stays_out(const struct sk_policy *p)
{
	static struct sk_device d = {.name = "1-2", .serial = "S1", .has_serial = true, .desc_ok = true};
	const struct sk_context c = {.now = 1, .person = "shokuin1"};
	struct sk_verdict v;

	d.desc.vid = 0x0781;
	d.desc.pid = 0x5581;
	d.desc.n_alts = 1;
	d.desc.alts[0] = (struct sk_usb_alt){.config = 1, .cls = 8, .sub = 6, .proto = 0x50, .first_config = true};
	sk_decide(p, NULL, &d, &c, &v);
	must(!v.allow || (v.ifaces[0].rule && v.ifaces[0].rule->action == SK_ACTION_ALLOW &&
	                  (v.ifaces[0].rule->kinds & SK_USB_STORAGE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf b;
	int r = sk_policy_parse("fuzz.ini", (const char *)data, size, &p, &err);

	must((r == 0) == (p != NULL));
	if (r < 0) {
		must(strncmp(err.text, "fuzz.ini", 8) == 0);
		return 0;
	}
	must(p->n_rules > 0 && p->version > 0);
	sk_buf_init(&b, 65536);
	must(sk_policy_warnings(p, &b) >= 0);
	sk_buf_deinit(&b);
	stick_stays_out(p);
	sk_policy_free(p);
	return 0;
}
