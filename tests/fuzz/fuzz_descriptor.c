/*
 * Fuzzer of the descriptor parser and of the decision behind it. Input: the `descriptors` file of a device as the kernel shows it.
 * Beyond memory errors it holds that whatever is taken whole is consistent, and that nothing that stores is ever let in.
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

static void decide(const struct sk_device *d)
{
	static struct sk_policy *policy;
	const struct sk_context c = {.now = 1, .person = ""};
	struct sk_verdict v;
	struct sk_buf b;
	json_t *j;

	if (!policy)
		policy = sk_policy_failsafe();
	sk_decide(policy, NULL, d, &c, &v);
	must(d->desc_ok || !v.allow);
	for (size_t i = 0; i < v.n_ifaces; i++)
		must(!v.ifaces[i].allow || (v.ifaces[i].kind & (SK_USB_HUB | SK_USB_INPUT)));
	must(!v.allow || !(sk_usb_desc_kinds(&d->desc) & ~(unsigned)(SK_USB_HUB | SK_USB_INPUT)));
	j = sk_verdict_json(d, &v);
	must(j != NULL);
	json_decref(j);
	j = sk_explain(policy, NULL, d, NULL, &c);
	must(j != NULL);
	json_decref(j);
	sk_buf_init(&b, 4096);
	sk_verdict_sentence(policy, d, &v, 0, &b);
	sk_buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sk_device d;
	struct sk_err err = SK_ERR_INIT;

	memset(&d, 0, sizeof(d));
	memcpy(d.name, "1-2", 4);
	memcpy(d.bus, "usb", 4);
	d.desc_ok = sk_usb_desc_parse(data, size, "S1", 2, &d.desc, &err) == 0;
	must(d.desc.n_alts <= SK_USB_ALTS_MAX);
	must(d.desc_ok == (err.text[0] == '\0'));
	must(d.desc_ok == (d.desc.device_key[0] != '\0'));
	must(!d.desc_ok || d.desc.configs_seen == d.desc.configs_declared);
	decide(&d);
	return 0;
}
