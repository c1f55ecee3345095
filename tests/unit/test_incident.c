/* The course of an incident: what follows what, and who may. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "server/incident.h"

static int step(enum sk_incident_state from, enum sk_role role, enum sk_incident_state to, int severity, bool written)
{
	struct sk_incident_facts f = {from, severity, written, written};
	struct sk_err err = SK_ERR_INIT;

	return sk_incident_step(&f, role, to, &err);
}

Test(incident, names_come_back)
{
	enum sk_incident_state back;

	for (int s = 0; s < SK_INCIDENT_STATES; s++) {
		cr_expect_eq(sk_incident_state_parse(sk_incident_state_name((enum sk_incident_state)s), &back), 0);
		cr_expect_eq((int)back, s);
	}
	cr_expect_eq(sk_incident_state_parse("lost", &back), -EINVAL);
	cr_expect_eq(sk_incident_state_parse(NULL, &back), -EINVAL);
	cr_expect_eq(sk_incident_told_index("ciso"), 2);
	cr_expect_eq(sk_incident_told_index("neighbour"), -EINVAL);
	cr_expect_str_eq(sk_incident_kind_word("nonsense"), "nonsense");
}

Test(incident, the_helpdesk_assesses_and_closes)
{
	cr_expect_eq(step(SK_INCIDENT_RECEIVED, SK_ROLE_DESK, SK_INCIDENT_CHECKING, 0, false), 0);
	cr_expect_eq(step(SK_INCIDENT_CHECKING, SK_ROLE_DESK, SK_INCIDENT_CONFIRMED, 2, false), 0);
	cr_expect_eq(step(SK_INCIDENT_CHECKING, SK_ROLE_DESK, SK_INCIDENT_CONFIRMED, 0, false), -EINVAL, "no severity");
	cr_expect_eq(step(SK_INCIDENT_CHECKING, SK_ROLE_SEC, SK_INCIDENT_CONFIRMED, 2, false), -EPERM);
	cr_expect_eq(step(SK_INCIDENT_CONFIRMED, SK_ROLE_SEC, SK_INCIDENT_RESPONDING, 2, false), 0);
	cr_expect_eq(step(SK_INCIDENT_RESPONDING, SK_ROLE_SYS, SK_INCIDENT_RECOVERED, 2, false), 0);
	cr_expect_eq(step(SK_INCIDENT_RECOVERED, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 2, false), -EINVAL, "no cause");
	cr_expect_eq(step(SK_INCIDENT_RECOVERED, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 2, true), 0);
	cr_expect_eq(step(SK_INCIDENT_RECOVERED, SK_ROLE_SYS, SK_INCIDENT_CLOSED, 2, true), -EPERM);
	cr_expect_eq(step(SK_INCIDENT_NOTHING, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 0, false), 0);
	cr_expect_eq(step(SK_INCIDENT_VIOLATION, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 0, false), -EINVAL);
	cr_expect_eq(step(SK_INCIDENT_CLOSED, SK_ROLE_DESK, SK_INCIDENT_CHECKING, 2, true), 0, "opened again");
}

Test(incident, nothing_is_skipped_and_no_auditor_acts)
{
	for (int from = 0; from < SK_INCIDENT_STATES; from++) {
		for (int to = 0; to < SK_INCIDENT_STATES; to++) {
			enum sk_incident_state a = (enum sk_incident_state)from, b = (enum sk_incident_state)to;

			cr_expect_lt(step(a, SK_ROLE_AUD, b, 3, true), 0);
			cr_expect_lt(step(a, SK_ROLE_STAFF, b, 3, true), 0);
			if (from == to)
				cr_expect_eq(step(a, SK_ROLE_DESK, b, 3, true), -EINVAL);
		}
	}
	cr_expect_eq(step(SK_INCIDENT_RECEIVED, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 3, true), -EINVAL);
	cr_expect_eq(step(SK_INCIDENT_CONFIRMED, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 3, true), -EINVAL);
	cr_expect_eq(step(SK_INCIDENT_STATES, SK_ROLE_DESK, SK_INCIDENT_CLOSED, 3, true), -EINVAL);
}

Test(incident, a_closed_one_takes_nothing_more)
{
	struct sk_incident_facts f = {.state = SK_INCIDENT_CLOSED};

	cr_expect_not(sk_incident_may_add(&f, SK_ROLE_DESK));
	f.state = SK_INCIDENT_RESPONDING;
	cr_expect(sk_incident_may_add(&f, SK_ROLE_DESK) && sk_incident_may_add(&f, SK_ROLE_SEC));
	cr_expect_not(sk_incident_may_add(&f, SK_ROLE_AUD) || sk_incident_may_add(&f, SK_ROLE_STAFF));
}
