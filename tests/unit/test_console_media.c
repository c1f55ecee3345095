/* The media ledger's pages: who sees and changes what, and what a form that is wrong, late or sent twice does. */
#include "policy/media_key.h"
#include "server/store_media.h"
#include "tests/unit/console_help.h"

TestSuite(console_media, .init = console_begin, .fini = console_end);

/* Asks for a registration from terminal i. */
static void ask(int i, const char *ledger, const char *serial)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 1, .of = {{1048576, 7000000000ull, "vfat", ""}}};
	char key[SK_SHA256_HEX], *text;
	json_t *facts, *body;

	snprintf(v.of[0].uuid, sizeof(v.of[0].uuid), "%s", serial);
	cr_assert_eq(sk_media_key(&v, key), 0);
	facts = sk_volumes_json(&v);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:O}", "ledger", ledger, "label",
	                 "<i>tax</i>", "device_key", KEY, "serial", serial, "media_key", key, "vendor_id", "0951",
	                 "product_id", "1666", "vendor", "Maker", "product", "<b>Stick</b>", "port", "1-1", "size",
	                 (json_int_t)v.bytes, "volumes", json_object_get(facts, "volumes"));
	text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	add_event(i, "media.registered-request", text);
	free(text);
	json_decref(facts);
	json_decref(body);
}

static int sent(struct person *p, const char *url, const char *body)
{
	return code_of(post(p, url, body));
}

static void opened(int i, const char *ledger)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"device\":\"1-1\",\"ledger\":\"%s\"}", ledger);
	add_event(i, "medium.mounted", body);
}

Test(console_media, the_system_manager_registers)
{
	struct person sys = login("sys"), desk = login("desk"), sec2 = login("sec2");
	struct fake *f;

	ask(0, "M-1", "S1");
	f = get(&desk, "/media");
	cr_expect(shows(f, "Waiting to be registered") && shows(f, "&lt;b&gt;Stick") && !shows(f, "<b>Stick"));
	cr_expect_not(shows(f, "value=\"approve\""), "the helpdesk sees it and has no button");
	fake_free(f);
	f = get(&sec2, "/media");
	cr_expect_not(shows(f, "Waiting"), "another section's");
	fake_free(f);
	cr_expect_eq(sent(&desk, "/registrations/1", "action=approve&ledger=M-1"), 403);
	cr_expect_eq(sent(&sys, "/registrations/1", "action=refuse&reason="), 400, "without a reason");
	f = post(&sys, "/registrations/1", "action=approve&ledger=no+number");
	cr_expect_eq(f->code, 400);
	cr_expect(shows(f, "value=\"no number\""), "what was typed stays");
	fake_free(f);
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-7"), 303);
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-7"), 409, "sent twice");
	cr_expect_eq(sent(&sys, "/registrations/99", "action=approve&ledger=M-8"), 404);
	cr_expect_eq(sent(&sys, "/registrations/x", "action=approve&ledger=M-8"), 404);
	f = get(&sys, "/media/M-7");
	cr_expect(f->code == 200 && shows(f, "&lt;i&gt;tax") && !shows(f, "<i>tax"));
	fake_free(f);
	f = get(&sys, "/media?find=m-7");
	cr_expect(shows(f, "/media/M-7"));
	fake_free(f);
	f = get(&sys, "/media?find=zzz");
	cr_expect(shows(f, "No medium matches."));
	fake_free(f);
}

Test(console_media, a_number_that_is_taken)
{
	struct person sys = login("sys");

	ask(0, "M-1", "S1");
	ask(0, "M-1", "S2");
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-1"), 303);
	cr_expect_eq(sent(&sys, "/registrations/2", "action=approve&ledger=M-1"), 409);
	cr_expect_eq(sent(&sys, "/registrations/2", "action=refuse&reason=twice"), 303);
}

Test(console_media, a_section_sees_its_own_and_the_offices)
{
	struct person sys = login("sys"), sec = login("sec"), sec2 = login("sec2");
	struct sk_err err = SK_ERR_INIT;
	struct fake *f;

	ask(0, "M-1", "S1");
	ask(0, "M-2", "S2");
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-1"), 303);
	ok(sk_store_media_approve(server.store, &root, 2, "M-2", "", sk_clock_wall(), &err), &err);
	cr_expect_eq(code_of(get(&sec, "/media/M-1")), 200);
	cr_expect_eq(code_of(get(&sec2, "/media/M-1")), 404);
	cr_expect_eq(code_of(get(&sec2, "/media/M-2")), 200, "the whole office's");
	f = get(&sec2, "/media");
	cr_expect(!shows(f, "/media/M-1") && shows(f, "/media/M-2"));
	fake_free(f);
	cr_expect_eq(sent(&sec, "/media/M-1", "state=lost&reason=x"), 403);
}

Test(console_media, states)
{
	struct person sys = login("sys"), desk = login("desk");
	struct fake *f;

	ask(0, "M-1", "S1");
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-1"), 303);
	cr_expect_eq(sent(&desk, "/media/M-1", "state=lent&from=stored"), 303);
	cr_expect_eq(sent(&sys, "/media/M-1", "state=out&from=stored"), 409, "it changed meanwhile");
	f = post(&desk, "/media/M-1", "state=lost&from=lent&reason=");
	cr_expect(f->code == 400 && shows(f, "role=\"alert\"") && shows(f, "value=\"lost\" selected"));
	fake_free(f);
	cr_expect_eq(sent(&desk, "/media/M-1", "state=melted&reason=x&from=lent"), 400);
	cr_expect_eq(sent(&desk, "/media/M-1", "state=disposed&reason=%3Cb%3E&from=lent"), 303);
	cr_expect_eq(sent(&desk, "/media/M-1", "state=stored&from=disposed"), 409, "final");
	f = get(&desk, "/media/M-1");
	cr_expect(shows(f, "&lt;b&gt;") && !shows(f, "name=\"state\""));
	fake_free(f);
	f = get(&desk, "/media?state=disposed");
	cr_expect(shows(f, "/media/M-1"));
	fake_free(f);
	cr_expect_eq(code_of(get(&desk, "/media?state=melted")), 400);
	cr_expect_eq(code_of(get(&desk, "/media/..%2f..%2fetc")), 404);
}

Test(console_media, a_sanitising_record)
{
	struct person sys = login("sys"), desk = login("desk"), sec = login("sec");
	struct fake *f;

	ask(0, "M-1", "S1");
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-1"), 303);
	cr_expect_eq(sent(&sec, "/media/M-1", "how=sanitised&with=x&from=stored"), 403);
	f = get(&sec, "/media/M-1");
	cr_expect(!shows(f, "name=\"how\""));
	fake_free(f);
	f = post(&desk, "/media/M-1", "how=sanitised&with=&from=stored");
	cr_expect(f->code == 400 && shows(f, "role=\"alert\""));
	fake_free(f);
	cr_expect_eq(sent(&desk, "/media/M-1", "how=washed&with=x&from=stored"), 400);
	cr_expect_eq(sent(&desk, "/media/M-1", "how=sanitised&with=x&from=lent"), 409, "it changed meanwhile");
	cr_expect_eq(sent(&desk, "/media/M-1", "how=sanitised&with=%3Cb%3E&from=stored"), 303);
	f = get(&desk, "/media/M-1?done=clean");
	cr_expect(shows(f, "&lt;b&gt;") && shows(f, "name=\"how\""));
	fake_free(f);
}

Test(console_media, where_it_was_last_used)
{
	struct person sys = login("sys");
	struct fake *f;

	ask(0, "M-1", "S1");
	cr_expect_eq(sent(&sys, "/registrations/1", "action=approve&ledger=M-1"), 303);
	f = get(&sys, "/media");
	cr_expect(shows(f, ">never<"));
	fake_free(f);
	opened(1, "M-1");
	opened(1, "M-none");
	opened(1, "'; DROP TABLE media;--");
	f = get(&sys, "/media/M-1");
	cr_expect(shows(f, "pc-zeimu"));
	fake_free(f);
}
