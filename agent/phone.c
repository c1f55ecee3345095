/* Challenges and answers. The grants they give are in agent/phone_grants.c. */
#include "agent/phone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/phone_impl.h"
#include "common/json.h"
#include "common/text.h"

#define LIFE_MS (SK_PHONE_MINUTES * 60000LL)
#define DAY_MS  86400000LL

const char *sk_phone_result_name(enum sk_phone_result r)
{
	static const char *const names[] = {"ok", "mistyped", "wrong", "dead", "day"};

	return (unsigned)r < sizeof names / sizeof *names ? names[r] : "dead";
}

/* --- two numbers that survive a reboot --- */

static int load_pair(struct sk_phone *p, const char *name, long long *a, long long *b)
{
	struct sk_buf text;
	int r;

	sk_buf_init(&text, 64);
	r = p->hooks.get(p->hooks.ctx, name, &text);
	if (r == 0 && sscanf(text.data, "%19lld %19lld", a, b) != 2)
		r = -EINVAL;
	sk_buf_deinit(&text);
	if (r == -ENOENT) {
		*a = *b = 0;
		r = 0;
	}
	return r;
}

static int store_pair(struct sk_phone *p, const char *name, long long a, long long b)
{
	char text[48];

	snprintf(text, sizeof text, "%lld %lld", a, b);
	return p->hooks.set(p->hooks.ctx, name, text);
}

/* Wrong answers of today. The trusted clock never goes back, so neither does the day. */
static int tries_today(struct sk_phone *p, long long *day, long long *tries)
{
	long long today = (long long)(p->hooks.now(p->hooks.ctx) / DAY_MS);
	int r = load_pair(p, "phone.day", day, tries);

	if (r == 0 && *day != today) {
		*day = today;
		*tries = 0;
	}
	return r;
}

/* --- the key --- */

int sk_phone_new(const struct sk_phone_hooks *hooks, struct sk_phone **out)
{
	struct sk_phone *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->hooks = *hooks;
	sk_phone_grants_load(p);
	*out = p;
	return 0;
}

struct sk_phone *sk_phone_free(struct sk_phone *p)
{
	if (!p)
		return NULL;
	free(p->merged.items);
	explicit_bzero(p, sizeof *p);
	free(p);
	return NULL;
}

void sk_phone_take_key(struct sk_phone *p, const char *device, const json_t *phone)
{
	const char *hex = NULL;
	long long epoch = 0;
	uint8_t key[SK_PHONE_KEY];
	bool good = phone && sk_json_int(phone, "epoch", 1, INT32_MAX, &epoch, NULL) == 0 &&
	            sk_json_str(phone, "key", 64, 64, &hex, NULL) == 0 && sk_unhex(hex, key, sizeof key) == 0;

	if (!good || epoch != p->epoch || strcmp(device, p->device) != 0)
		p->open = false;
	p->has_key = good;
	p->epoch = good ? epoch : 0;
	if (good)
		memcpy(p->key, key, sizeof key);
	else
		explicit_bzero(p->key, sizeof p->key);
	explicit_bzero(key, sizeof key);
	sk_text_copy(p->device, sizeof p->device, device);
}

/* How often this epoch's key has been used. */
static int counter(struct sk_phone *p, long long *out)
{
	long long epoch;
	int r = load_pair(p, "phone.counter", &epoch, out);

	if (r == 0 && epoch != p->epoch)
		*out = 0;
	return r;
}

/* --- a challenge --- */

int sk_phone_start(struct sk_phone *p, uid_t uid, const char *person, const json_t *device, char *challenge,
                   struct sk_err *err)
{
	const char *key = json_string_value(json_object_get(device, "device_key"));
	long long day, tries, used = 0;
	struct sk_phone_challenge c = {0};
	int r;

	if (!p->has_key)
		return sk_err_set(
		    err, -ENOKEY,
		    "this terminal has no key for telephone permits; it gets one when it reaches the server");
	r = tries_today(p, &day, &tries);
	if (r == 0 && tries >= SK_PHONE_PER_DAY)
		return sk_err_set(err, -EBUSY, "%d wrong answers today; telephone permits are shut until tomorrow",
		                  SK_PHONE_PER_DAY);
	if (r == 0)
		r = counter(p, &used);
	if (r < 0)
		return sk_err_set(err, r, "the record cannot be read now; try again later");
	if (!key || sk_phone_media(key, &c.media) < 0 || strlen(person) >= sizeof p->person)
		return sk_err_set(err, -EINVAL, "this medium has no key of its own");
	r = sk_random(&c.nonce, sizeof c.nonce);
	if (r < 0)
		return sk_err_set(err, r, "no random numbers");
	c.device = sk_phone_short(p->device);
	c.epoch = (unsigned)(p->epoch % 100);
	c.counter = (unsigned)(used % 100);
	p->challenge = c;
	p->used = used;
	p->uid = uid;
	p->tries = 0;
	p->until_boot = p->hooks.boot(p->hooks.ctx) + LIFE_MS;
	p->open = true;
	p->purpose = SK_PHONE_MEDIUM;
	sk_text_copy(p->person, sizeof p->person, person);
	sk_text_copy(p->device_key, sizeof p->device_key, key);
	sk_text_copy(p->serial, sizeof p->serial, json_string_value(json_object_get(device, "serial")));
	sk_text_copy(p->product, sizeof p->product, json_string_value(json_object_get(device, "product")));
	sk_text_copy(p->port, sizeof p->port, json_string_value(json_object_get(device, "port")));
	sk_phone_challenge_write(&c, challenge);
	return 0;
}

/* What stands where a medium's key would: the same on every terminal, so that the helpdesk sees it is none. */
int sk_phone_start_isolation(struct sk_phone *p, uid_t uid, const char *person, char *challenge, struct sk_err *err)
{
	char key[SK_SHA256_HEX];
	json_t *device;
	int r;

	sk_sha256_hex("sekimori-isolation", 18, key);
	device = json_pack("{s:s}", "device_key", key);
	r = device ? sk_phone_start(p, uid, person, device, challenge, err) : -ENOMEM;
	json_decref(device);
	if (r == 0)
		p->purpose = SK_PHONE_ISOLATION;
	return r;
}

enum sk_phone_purpose sk_phone_asked(const struct sk_phone *p)
{
	return p->purpose;
}

/* --- an answer --- */

static json_t *event(const struct sk_phone *p)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "person", p->person, "device", p->port,
	                 "port", p->port, "device_key", p->device_key, "serial", p->serial, "product", p->product,
	                 "epoch", (json_int_t)p->epoch, "counter", (json_int_t)p->used, "nonce",
	                 (json_int_t)p->challenge.nonce, "media", (json_int_t)p->challenge.media);
}

static void record_refusal(struct sk_phone *p, const char *reason)
{
	json_t *body = event(p);

	if (!body)
		return;
	json_object_set_new(body, "reason", json_string(reason));
	json_object_set_new(body, "tries", json_integer(p->tries));
	(void)p->hooks.record(p->hooks.ctx, "phone.refused", body);
	json_decref(body);
}

/* Used up first, recorded second, open third: whatever happens in between, a code opens once at most and never unrecorded. */
static int consume(struct sk_phone *p, const struct sk_phone_profile *profile, const struct sk_grant **given,
                   struct sk_err *err)
{
	struct sk_grant g = {.info_class = "none", .purpose = "phone", .approved_by = "phone"};
	json_t *body;
	int r;

	p->open = false;
	r = store_pair(p, "phone.counter", p->epoch, p->used + 1);
	if (r == 0)
		r = sk_uuid(g.id);
	if (r < 0)
		return sk_err_set(err, r, "the record cannot be written now; begin again");
	sk_text_copy(g.device_key, sizeof g.device_key, p->device_key);
	sk_text_copy(g.serial, sizeof g.serial, p->serial);
	sk_text_copy(g.person, sizeof g.person, p->person);
	(void)sk_access_parse(profile->access, &g.access);
	g.from = p->hooks.now(p->hooks.ctx);
	g.until = g.from + (sk_ms)profile->seconds * 1000;
	body = event(p);
	if (body && json_object_update_new(body, json_pack("{s:s, s:s, s:i, s:s, s:I, s:I}", "id", g.id, "purpose",
	                                                   p->purpose == SK_PHONE_MEDIUM ? "medium" : "isolation",
	                                                   "profile", profile->code, "access", profile->access, "from",
	                                                   (json_int_t)g.from, "until", (json_int_t)g.until)) == 0)
		r = p->hooks.record(p->hooks.ctx, "grant.phone", body);
	else
		r = -ENOMEM;
	json_decref(body);
	if (r == 0 && p->purpose == SK_PHONE_MEDIUM)
		r = sk_phone_grants_add(p, &g, given);
	return r < 0 ? sk_err_set(err, r, "the permit could not be recorded; begin again") : SK_PHONE_OK;
}

static bool is_right(const struct sk_phone *p, const struct sk_phone_profile *profile, uint64_t code)
{
	const struct sk_phone_permit m = {.purpose = p->purpose,
	                                  .device = p->device,
	                                  .person = p->person,
	                                  .epoch = p->epoch,
	                                  .counter = p->used,
	                                  .nonce = p->challenge.nonce,
	                                  .media = p->challenge.media,
	                                  .profile = profile->code,
	                                  .seconds = profile->seconds};

	return profile->purpose == p->purpose && sk_phone_code_equal(sk_phone_code(p->key, &m), code);
}

int sk_phone_answer(struct sk_phone *p, uid_t uid, const char *text, const struct sk_grant **given, struct sk_err *err)
{
	long long day = 0, tries = 0;
	unsigned number;
	uint64_t code;
	int r;

	if (!p->open || uid != p->uid || p->hooks.boot(p->hooks.ctx) >= p->until_boot)
		return SK_PHONE_DEAD;
	if (sk_phone_answer_read(text, &number, &code) != 0)
		return SK_PHONE_MISTYPED;
	r = tries_today(p, &day, &tries);
	if (r == 0 && tries >= SK_PHONE_PER_DAY) {
		p->open = false;
		return SK_PHONE_DAY;
	}
	/* Counted before it is looked at: pulling the plug gives no free try. */
	if (r == 0)
		r = store_pair(p, "phone.day", day, tries + 1);
	if (r < 0)
		return sk_err_set(err, r, "the record cannot be written now; try again later");
	if (is_right(p, sk_phone_profile(number), code)) {
		(void)store_pair(p, "phone.day", day, tries);
		return consume(p, sk_phone_profile(number), given, err);
	}
	if (++p->tries < SK_PHONE_TRIES && tries + 1 < SK_PHONE_PER_DAY)
		return SK_PHONE_WRONG;
	p->open = false;
	record_refusal(p, p->tries >= SK_PHONE_TRIES ? "tries" : "day");
	return SK_PHONE_DEAD;
}
