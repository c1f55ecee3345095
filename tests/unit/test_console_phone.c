/* The helpdesk's page for the telephone: who may use it, what it refuses, and that an answer is shown once. */
#include "server/store_phone.h"
#include "tests/unit/console_help.h"

TestSuite(console_phone, .init = console_begin, .fini = console_end);

static const uint8_t master[32] = {9};

static const char *fields(const char *change)
{
	static char text[600];
	struct sk_phone_challenge ch = {sk_phone_short(terminal[0]), 1, 0, 77, 0xa1b2c3d4e5};
	char number[SK_PHONE_TEXT];

	sk_store_set_phone(server.store, master);
	sk_phone_challenge_write(&ch, number);
	for (char *p = number; *p; p++)
		if (*p == ' ')
			*p = '+';
	snprintf(text, sizeof text, "%s&challenge=%s", change, number);
	return text;
}

#define GOOD "person=clerk&reason=files&callback=1234&permitted_by=sec&profile=01"

static const char *host(void)
{
	static char name[80];
	json_t *l = sk_store_terminals(server.store, NULL, NULL, NULL, sk_clock_wall(), 1000, 10, 0), *t;
	size_t i;

	json_array_foreach(l, i, t) if (!strcmp(sk_page_str(t, "id"), terminal[0]))
	    snprintf(name, sizeof name, "terminal=%s&", sk_page_str(t, "host"));
	json_decref(l);
	return name;
}

static int sent(struct person *who, const char *more)
{
	char text[400];

	snprintf(text, sizeof text, "%s%s", host(), more);
	return code_of(post(who, "/phone", fields(text)));
}

Test(console_phone, the_answer_is_shown_once)
{
	struct sk_phone_permit m = {SK_PHONE_MEDIUM, terminal[0], "clerk", 1, 0, 77, 0xa1b2c3d4e5, 1, 3600};
	struct person desk = login("desk");
	char text[400], want[SK_PHONE_TEXT];
	uint8_t key[32];
	struct fake *f = get(&desk, "/phone");

	cr_expect(shows(f, "name=\"challenge\""));
	fake_free(f);
	sk_phone_key(master, terminal[0], 1, key);
	sk_phone_answer_write(1, sk_phone_code(key, &m), want);
	snprintf(text, sizeof text, "%s%s", host(), GOOD);
	f = post(&desk, "/phone", fields(text));
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, want));
	fake_free(f);
	f = post(&desk, "/phone", fields(text));
	cr_expect_eq(f->code, 409, "sent again by a reload");
	cr_expect(!shows(f, want));
	fake_free(f);
	f = get(&desk, "/phone");
	cr_expect(shows(f, "clerk") && !shows(f, want));
	fake_free(f);
}

Test(console_phone, what_is_refused)
{
	struct person desk = login("desk"), sec = login("sec"), aud = login("aud");

	cr_expect_eq(code_of(get(&sec, "/phone")), 403);
	cr_expect_eq(sent(&sec, GOOD), 403);
	cr_expect_eq(code_of(get(&aud, "/phone")), 200);
	cr_expect_eq(sent(&aud, GOOD), 403);
	cr_expect_eq(sent(&desk, "person=clerk&reason=files&callback=1234&profile=01"), 400, "permitted by nobody");
	cr_expect_eq(sent(&desk, GOOD "&urgent=1"), 400, "either or");
	cr_expect_eq(sent(&desk, "person=clerk&reason=&callback=1234&permitted_by=sec&profile=01"), 400);
	cr_expect_eq(sent(&desk, "person=clerk&reason=x&callback=1234&permitted_by=sec&profile=99"), 400);
	cr_expect_eq(sent(&desk, "person=clerk&reason=x&callback=1234&permitted_by=aud&profile=01"), 403);
	cr_expect_eq(sent(&desk, "person=desk&reason=x&callback=1234&permitted_by=sec&profile=01"), 403);
	cr_expect_eq(code_of(post(&desk, "/phone", "terminal=no-such&challenge=1&" GOOD)), 400);
	cr_expect_eq(code_of(post(&desk, "/phone", fields("terminal=&" GOOD))), 400);
	cr_expect_eq(sent(&desk, "person=clerk&reason=x&callback=1234&urgent=1&profile=01"), 200);
}
