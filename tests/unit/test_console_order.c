/* Orders and notices on the console: who sees which button, what is pressed goes to the store, nobody confirms the own order. */
#include "server/store_notice.h"
#include "server/store_order.h"
#include "tests/unit/console_help.h"

TestSuite(console_order, .init = console_begin, .fini = console_end);

static const char *url(int i)
{
	static char text[80];

	snprintf(text, sizeof text, "/terminals/%s", terminal[i]);
	return text;
}

static json_t *newest(void)
{
	json_t *list = sk_store_order_list(server.store, NULL, NULL, 1), *o = json_incref(json_array_get(list, 0));

	json_decref(list);
	return o;
}

static void is(const char *kind, const char *state)
{
	json_t *o = newest();

	cr_expect_str_eq(sk_page_str(o, "kind"), kind);
	cr_expect_str_eq(sk_page_str(o, "state"), state);
	json_decref(o);
}

Test(console_order, a_button_is_an_order)
{
	struct person desk = login("desk");
	struct fake *f = get(&desk, url(0));

	cr_expect(shows(f, "value=\"isolate\"") && shows(f, "value=\"lock\"") && !shows(f, "value=\"suspend\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, url(0), "action=add&kind=isolate&reason=%3Cb%3Evirus&management=1")), 303);
	is("isolate", "open");
	f = get(&desk, url(0));
	cr_expect(shows(f, "&lt;b&gt;virus") && !shows(f, "<b>virus"));
	cr_expect(shows(f, "value=\"cancel\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, url(0), "action=cancel&number=1")), 303);
	is("isolate", "cancelled");
	cr_expect_eq(code_of(post(&desk, url(0), "action=cancel&number=1")), 409);
}

Test(console_order, keys_are_destroyed_by_two)
{
	struct person desk = login("desk"), sys = login("sys");
	struct fake *f;

	cr_expect_eq(code_of(post(&desk, url(0), "action=add&kind=erase&reason=lost")), 303);
	is("erase", "waiting");
	f = get(&desk, url(0));
	cr_expect(!shows(f, "value=\"approve\""), "the asker has no such button");
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, url(0), "action=approve&number=1")), 403);
	f = get(&sys, url(0));
	cr_expect(shows(f, "value=\"approve\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&sys, url(1), "action=approve&number=1")), 404, "of another terminal");
	cr_expect_eq(code_of(post(&sys, url(0), "action=approve&number=1")), 303);
	is("erase", "open");
}

Test(console_order, a_manager_in_the_own_section_and_what_belongs_to_it)
{
	struct person sec = login("sec"), both = login("both"), sys = login("sys");
	struct fake *f = get(&sec, url(0));

	cr_expect(shows(f, "value=\"lock\"") && !shows(f, "value=\"isolate\"") && !shows(f, "value=\"erase\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&sec, url(0), "action=add&kind=lock&reason=away")), 303);
	cr_expect_eq(code_of(post(&sec, url(1), "action=add&kind=lock&reason=away")), 404);
	cr_expect_eq(code_of(post(&sec, url(0), "action=add&kind=isolate&reason=away")), 403);
	cr_expect_eq(code_of(post(&both, url(0), "action=add&kind=lock&reason=")), 400);
	cr_expect_eq(code_of(post(&both, url(0), "action=dance&number=1")), 400);
	cr_expect_eq(code_of(post(&sys, url(0), "action=add&kind=suspend&reason=x")), 400);
	cr_expect_eq(code_of(post(&sys, url(0), "action=add&kind=lock&reason=x&person=clerk")), 303,
	             "what belongs to another kind is left aside");
}

Test(console_order, a_suspension_waits_for_whose_decision_it_is)
{
	struct person sys = login("sys"), ciso = login("ciso"), exec = login("exec");
	struct fake *f;

	cr_expect_eq(code_of(post(&sys, url(0), "action=add&kind=suspend&reason=x&person=clerk&decided_by=CISO")), 303);
	is("suspend", "waiting");
	f = get(&sys, url(0));
	cr_expect(shows(f, "waits for the decision of the CISO") && !shows(f, "value=\"approve\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&sys, url(0), "action=approve&number=1")), 403);
	f = get(&ciso, url(0));
	cr_expect(shows(f, "value=\"approve\"") && shows(f, "value=\"isolate\"") && !shows(f, "value=\"lock\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&exec, url(0), "action=approve&number=1")), 303);
	is("suspend", "open");
}

Test(console_order, notices)
{
	struct person desk = login("desk"), sec = login("sec");
	struct fake *f;

	cr_expect_eq(code_of(post(&desk, "/notices", "unit=soumu&officer=EXEC&title=%3Ci%3EBeware&text=one%0D%0Atwo")),
	             303);
	f = get(&sec, "/notices");
	cr_expect(shows(f, "&lt;i&gt;Beware") && !shows(f, "name=\"officer\""));
	fake_free(f);
	f = post(&desk, "/notices", "unit=soumu&officer=&title=x&text=kept");
	cr_expect_eq(f->code, 400);
	cr_expect(shows(f, ">kept</textarea>"), "what was typed stays");
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, "/notices", "unit=nowhere&officer=a&title=x&text=y")), 400);
}
