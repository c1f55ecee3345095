/* The terminal's side of telephone permits, on a made-up clock and disk: tries, expiry, reboot, replay, another person, a disk that fails. */
#include "agent/phone.h"
#include "common/phone.h"
#include "tests/unit/agent_help.h"

static struct {
	char name[40], value[4096];
} disk[8];
static sk_ms now, boot;
static int set_fails, record_fails;
static char kinds[2000];
static json_t *last;
static struct sk_phone *p;
static struct sk_err err;
static uint8_t key[32];

static sk_ms get_now(void *c)
{
	(void)c;
	return now;
}
static sk_ms get_boot(void *c)
{
	(void)c;
	return boot;
}
static int get(void *c, const char *name, struct sk_buf *out)
{
	(void)c;
	for (int i = 0; i < 8; i++)
		if (!strcmp(disk[i].name, name))
			return sk_buf_adds(out, disk[i].value);
	return -ENOENT;
}
static int set(void *c, const char *name, const char *value)
{
	int i = 0;

	(void)c;
	if (set_fails)
		return -EIO;
	while (disk[i].name[0] && strcmp(disk[i].name, name) != 0)
		i++;
	snprintf(disk[i].name, sizeof disk[i].name, "%s", name);
	snprintf(disk[i].value, sizeof disk[i].value, "%s", value);
	return 0;
}
static int record(void *c, const char *kind, const json_t *body)
{
	(void)c;
	if (record_fails)
		return -EIO;
	strcat(strcat(kinds, kind), " ");
	json_decref(last);
	last = json_deep_copy(body);
	return 0;
}

static void power_on(void)
{
	const struct sk_phone_hooks h = {.now = get_now, .boot = get_boot, .get = get, .set = set, .record = record};

	cr_assert_eq(sk_phone_new(&h, &p), 0);
}

static void give_key(int64_t epoch)
{
	char hex[65];
	json_t *o;

	memset(key, (int)epoch, sizeof key);
	sk_hex(key, 32, hex);
	o = json_pack("{s:I, s:s}", "epoch", (json_int_t)epoch, "key", hex);
	sk_phone_take_key(p, DEVICE, o);
	json_decref(o);
}

static void setup(void)
{
	now = 1800000000000;
	boot = 1000;
	power_on();
	give_key(1);
}

static void teardown(void)
{
	sk_phone_free(p);
	json_decref(last);
}

#define KEY "a1b2c3d4e5000000000000000000000000000000000000000000000000000000"

static int start(struct sk_phone_challenge *c)
{
	json_t *d = json_pack("{s:s, s:s, s:s}", "device_key", KEY, "serial", "S1", "port", "1-2");
	char text[SK_PHONE_TEXT];
	int r;

	err = (struct sk_err)SK_ERR_INIT;
	r = sk_phone_start(p, 1000, "clerk", d, text, &err);
	json_decref(d);
	if (r == 0)
		cr_assert_eq(sk_phone_challenge_read(text, c), 0);
	return r;
}

/* What the helpdesk would read out; every field may be bent. */
static const char *told(const struct sk_phone_challenge *c, const char *device, const char *person, unsigned profile)
{
	static char text[SK_PHONE_TEXT];
	struct sk_phone_permit m = {SK_PHONE_MEDIUM, device,           person,
	                            c->epoch,        c->counter,       c->nonce,
	                            c->media,        (uint8_t)profile, sk_phone_profile(profile)->seconds};

	sk_phone_answer_write(profile, sk_phone_code(key, &m), text);
	return text;
}

static int answer(const char *text)
{
	const struct sk_grant *g = NULL;
	int r;

	err = (struct sk_err)SK_ERR_INIT;
	r = sk_phone_answer(p, 1000, text, &g, &err);
	cr_assert_eq(g != NULL, r == SK_PHONE_OK);
	return r;
}

Test(agent_phone, a_code_opens_one_medium_once, .init = setup, .fini = teardown)
{
	const struct sk_grants *g;
	struct sk_phone_challenge c;
	char code[SK_PHONE_TEXT];

	cr_assert_eq(start(&c), 0, "%s", err.text);
	snprintf(code, sizeof code, "%s", told(&c, DEVICE, "clerk", 2));
	cr_assert_eq(answer(code), SK_PHONE_OK);
	cr_assert_str_eq(kinds, "grant.phone ");
	cr_assert_eq(json_integer_value(json_object_get(last, "counter")), 0);
	g = sk_phone_grants(p, NULL, 0, now);
	cr_assert_eq(g->n, 1);
	cr_assert_str_eq(g->items[0].person, "clerk");
	cr_assert_eq(g->items[0].access, SK_ACCESS_RO);
	cr_assert_eq(g->items[0].until, now + 4 * 3600000);
	cr_assert_eq(answer(code), SK_PHONE_DEAD, "no replay");
	cr_assert_eq(start(&c), 0);
	cr_assert_eq(c.counter, 1, "the next one is another");
	cr_assert_eq(answer(code), SK_PHONE_WRONG);
	cr_assert_null(sk_phone_grants(p, NULL, 0, now + 5 * 3600000));
}

Test(agent_phone, typing_mistakes_cost_nothing_and_five_wrong_answers_end_it, .init = setup, .fini = teardown)
{
	struct sk_phone_challenge c;
	char good[SK_PHONE_TEXT];

	cr_assert_eq(start(&c), 0);
	snprintf(good, sizeof good, "%s", told(&c, DEVICE, "clerk", 1));
	for (int i = 0; i < 100; i++)
		cr_assert_eq(answer("01 0000 0000 0000 0"), SK_PHONE_MISTYPED);
	cr_assert_eq(answer("nonsense"), SK_PHONE_MISTYPED);
	cr_assert_eq(answer(told(&c, OTHER, "clerk", 1)), SK_PHONE_WRONG, "of another terminal");
	cr_assert_eq(answer(told(&c, DEVICE, "clerk2", 1)), SK_PHONE_WRONG, "for another person");
	good[1] = '2'; /* the clear profile changed, check digit mended by whoever does it */
	cr_assert_eq(answer(good), SK_PHONE_MISTYPED);
	good[1] = '1';
	c.counter = 1;
	cr_assert_eq(answer(told(&c, DEVICE, "clerk", 1)), SK_PHONE_WRONG);
	c.nonce++;
	cr_assert_eq(answer(told(&c, DEVICE, "clerk", 1)), SK_PHONE_WRONG);
	cr_assert_eq(answer(told(&c, DEVICE, "x", 1)), SK_PHONE_DEAD);
	cr_assert_eq(answer(good), SK_PHONE_DEAD, "the right one comes too late");
	cr_assert_str_eq(kinds, "phone.refused ");
	cr_assert_null(sk_phone_grants(p, NULL, 0, now));
}

Test(agent_phone, twenty_a_day_survive_a_reboot, .init = setup, .fini = teardown)
{
	struct sk_phone_challenge c;
	int wrong = 0;

	for (int i = 0; i < 10 && start(&c) == 0; i++) {
		for (int k = 0; k < 3; k++)
			if (answer(told(&c, OTHER, "clerk", 1)) <= SK_PHONE_DEAD)
				wrong++;
		sk_phone_free(p);
		boot = 500;
		power_on();
		give_key(1);
	}
	cr_assert_leq(wrong, 21 + 1);
	cr_assert_eq(start(&c), -EBUSY);
	now -= 3600000;
	now += 86400000 + 3600000;
	cr_assert_eq(start(&c), 0, "tomorrow");
}

Test(agent_phone, it_ends_with_time_reboot_epoch_and_person, .init = setup, .fini = teardown)
{
	const struct sk_grant *g = NULL;
	struct sk_phone_challenge c;
	char good[SK_PHONE_TEXT];

	cr_assert_eq(start(&c), 0);
	snprintf(good, sizeof good, "%s", told(&c, DEVICE, "clerk", 1));
	cr_assert_eq(sk_phone_answer(p, 1001, good, &g, &err), SK_PHONE_DEAD, "of somebody else's uid");
	boot += 30 * 60000;
	now -= 3600000; /* the wall clock has no say */
	cr_assert_eq(answer(good), SK_PHONE_DEAD);
	cr_assert_eq(start(&c), 0);
	snprintf(good, sizeof good, "%s", told(&c, DEVICE, "clerk", 1));
	give_key(2);
	cr_assert_eq(answer(good), SK_PHONE_DEAD, "the key was changed meanwhile");
	cr_assert_eq(start(&c), 0);
	cr_assert_eq(c.epoch, 2);
	snprintf(good, sizeof good, "%s", told(&c, DEVICE, "clerk", 1));
	sk_phone_free(p);
	power_on();
	give_key(2);
	cr_assert_eq(answer(good), SK_PHONE_DEAD, "restarted");
	sk_phone_take_key(p, DEVICE, NULL);
	cr_assert_eq(start(&c), -ENOKEY);
}

Test(agent_phone, what_cannot_be_recorded_does_not_open, .init = setup, .fini = teardown)
{
	struct sk_phone_challenge c;
	char good[SK_PHONE_TEXT];

	cr_assert_eq(start(&c), 0);
	snprintf(good, sizeof good, "%s", told(&c, DEVICE, "clerk", 1));
	set_fails = 1;
	cr_assert_lt(answer(good), 0);
	set_fails = 0;
	record_fails = 1;
	cr_assert_lt(answer(good), 0);
	record_fails = 0;
	cr_assert_null(sk_phone_grants(p, NULL, 0, now));
	cr_assert_eq(answer(good), SK_PHONE_DEAD, "it was used up first");
	cr_assert_eq(start(&c), 0);
	cr_assert_eq(c.counter, 1);
	cr_assert_eq(answer(told(&c, DEVICE, "clerk", 1)), SK_PHONE_OK);
}

Test(agent_phone, a_grant_survives_a_restart_and_stands_beside_the_servers, .init = setup, .fini = teardown)
{
	struct sk_grant server_items[2] = {{.device_key = "00", .until = now + 1},
	                                   {.device_key = "ff", .until = now + 1}};
	struct sk_grants server = {.items = server_items, .n = 2};
	const struct sk_grants *g;
	struct sk_phone_challenge c;

	cr_assert_eq(start(&c), 0);
	cr_assert_eq(answer(told(&c, DEVICE, "clerk", 1)), SK_PHONE_OK);
	sk_phone_free(p);
	power_on();
	g = sk_phone_grants(p, &server, 7, now);
	cr_assert_eq(g->n, 3);
	cr_assert_str_eq(g->items[0].device_key, "00");
	cr_assert_str_eq(g->items[1].device_key, KEY, "sorted");
	cr_assert_eq(sk_phone_grants(p, &server, 7, now), g);
	server.n = 1;
	cr_assert_eq(sk_phone_grants(p, &server, 8, now)->n, 2);
	cr_assert_eq(sk_phone_grants(p, &server, 8, now + 3600001), &server, "ended");
	cr_assert_eq(sk_phone_grants(NULL, &server, 8, now), &server);
}

Test(agent_phone, a_damaged_disk_and_hostile_keys, .init = setup, .fini = teardown)
{
	struct sk_phone_challenge c;
	json_t *o;

	set(NULL, "phone.grants", "[[[");
	set(NULL, "phone.day", "nonsense");
	sk_phone_free(p);
	power_on();
	give_key(1);
	cr_assert_lt(start(&c), 0, "what cannot be counted is not tried");
	for (const char *const *t =
	         (const char *const[]){"{}", "5", "{\"epoch\":0,\"key\":\"\"}", "{\"epoch\":1,\"key\":5}",
	                               "{\"epoch\":-1,\"key\":\"" KEY "\"}", NULL};
	     *t; t++) {
		o = json_loads(*t, JSON_DECODE_ANY, NULL);
		sk_phone_take_key(p, DEVICE, o);
		json_decref(o);
		cr_assert_eq(start(&c), -ENOKEY, "%s", *t);
	}
}
