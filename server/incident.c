#include "server/incident.h"

#include <errno.h>
#include <string.h>

#include "common/i18n.h"

static const struct {
	const char *name, *word;
} states[SK_INCIDENT_STATES] = {
    [SK_INCIDENT_RECEIVED] = {"received", N_("Received")},
    [SK_INCIDENT_CHECKING] = {"checking", N_("Being examined")},
    [SK_INCIDENT_CONFIRMED] = {"confirmed", N_("Assessed as an incident")},
    [SK_INCIDENT_VIOLATION] = {"violation", N_("No incident (a violation)")},
    [SK_INCIDENT_NOTHING] = {"nothing", N_("No incident (no violation)")},
    [SK_INCIDENT_RESPONDING] = {"responding", N_("Being handled")},
    [SK_INCIDENT_RECOVERED] = {"recovered", N_("Recovered")},
    [SK_INCIDENT_PREVENTING] = {"preventing", N_("Prevention under way")},
    [SK_INCIDENT_CLOSED] = {"closed", N_("Closed")},
};

const char *sk_incident_state_name(enum sk_incident_state s)
{
	return s < SK_INCIDENT_STATES ? states[s].name : "received";
}

const char *sk_incident_state_word(enum sk_incident_state s)
{
	return states[s < SK_INCIDENT_STATES ? s : SK_INCIDENT_RECEIVED].word;
}

int sk_incident_state_parse(const char *name, enum sk_incident_state *out)
{
	for (size_t i = 0; name != NULL && i < SK_INCIDENT_STATES; i++) {
		if (strcmp(states[i].name, name) == 0) {
			*out = (enum sk_incident_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

const struct sk_incident_kind sk_incident_kinds[SK_INCIDENT_KINDS] = {
    {"malware", N_("Malware, or a fear of it")},           {"loss", N_("Loss or theft of a device or medium")},
    {"leak", N_("Leak of information, or a fear of it")},  {"misdirected", N_("Sent or handed to the wrong place")},
    {"intrusion", N_("Unauthorised access or tampering")}, {"violation", N_("Violation of the policy")},
    {"record", N_("A terminal's record does not fit")},    {"other", N_("Other")},
};

const char *sk_incident_kind_word(const char *name)
{
	for (size_t i = 0; i < SK_INCIDENT_KINDS; i++) {
		if (strcmp(sk_incident_kinds[i].name, name) == 0)
			return sk_incident_kinds[i].word;
	}
	return name;
}

const struct sk_incident_told sk_incident_told[SK_INCIDENT_TOLD] = {
    {"sec", N_("Section manager"), true},
    {"desk", N_("Helpdesk (single point of contact)"), true},
    {"ciso", N_("CISO"), true},
    {"exec", N_("Executive officer"), false},
    {"bur", N_("Responsible officer of the bureau"), false},
    {"sys", N_("Information system manager"), false},
    {"com", N_("Security committee"), false},
    {"ministry", N_("Ministry of Internal Affairs and Communications"), false},
    {"privacy", N_("Personal Information Protection Commission"), false},
    {"prefecture", N_("Prefecture"), false},
    {"press", N_("Press"), false},
    {"police", N_("Police"), false},
};

int sk_incident_told_index(const char *name)
{
	for (int i = 0; name != NULL && i < SK_INCIDENT_TOLD; i++) {
		if (strcmp(sk_incident_told[i].name, name) == 0)
			return i;
	}
	return -EINVAL;
}

#define TO(state) (1u << (state))

/* What may follow each state. A closed one may be opened again: something new came to light. */
static const unsigned next_of[SK_INCIDENT_STATES] = {
    [SK_INCIDENT_RECEIVED] =
        TO(SK_INCIDENT_CHECKING) | TO(SK_INCIDENT_CONFIRMED) | TO(SK_INCIDENT_VIOLATION) | TO(SK_INCIDENT_NOTHING),
    [SK_INCIDENT_CHECKING] = TO(SK_INCIDENT_CONFIRMED) | TO(SK_INCIDENT_VIOLATION) | TO(SK_INCIDENT_NOTHING),
    [SK_INCIDENT_CONFIRMED] = TO(SK_INCIDENT_RESPONDING) | TO(SK_INCIDENT_RECOVERED),
    [SK_INCIDENT_VIOLATION] = TO(SK_INCIDENT_PREVENTING) | TO(SK_INCIDENT_CLOSED) | TO(SK_INCIDENT_CHECKING),
    [SK_INCIDENT_NOTHING] = TO(SK_INCIDENT_CLOSED) | TO(SK_INCIDENT_CHECKING),
    [SK_INCIDENT_RESPONDING] = TO(SK_INCIDENT_RECOVERED),
    [SK_INCIDENT_RECOVERED] = TO(SK_INCIDENT_PREVENTING) | TO(SK_INCIDENT_CLOSED) | TO(SK_INCIDENT_RESPONDING),
    [SK_INCIDENT_PREVENTING] = TO(SK_INCIDENT_CLOSED) | TO(SK_INCIDENT_RESPONDING),
    [SK_INCIDENT_CLOSED] = TO(SK_INCIDENT_CHECKING),
};

/* Assessing and closing are the helpdesk's (5.3(1)); handling is everybody's who manages it. */
static unsigned roles_for(enum sk_incident_state now, enum sk_incident_state next)
{
	switch (next) {
	case SK_INCIDENT_CONFIRMED:
	case SK_INCIDENT_VIOLATION:
	case SK_INCIDENT_NOTHING:
	case SK_INCIDENT_CLOSED:
		return SK_ROLE_DESK;
	case SK_INCIDENT_CHECKING:
		return now == SK_INCIDENT_RECEIVED ? SK_ROLE_DESK | SK_ROLE_SYS : SK_ROLE_DESK;
	default:
		return SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_SEC;
	}
}

int sk_incident_step(const struct sk_incident_facts *facts, enum sk_role role, enum sk_incident_state next,
                     struct sk_err *err)
{
	enum sk_incident_state now = facts->state;

	if (now >= SK_INCIDENT_STATES || next >= SK_INCIDENT_STATES || (next_of[now] & TO(next)) == 0)
		return sk_err_set(err, -EINVAL, "%s does not follow %s", sk_incident_state_name(next),
		                  sk_incident_state_name(now));
	if ((roles_for(now, next) & (unsigned)role) == 0)
		return sk_err_set(err, -EPERM, "not as %s", sk_role_name(role));
	if (next == SK_INCIDENT_CONFIRMED && facts->severity == 0)
		return sk_err_set(err, -EINVAL, "its severity has to be assessed first");
	/* What was an incident, or a violation that something is done about, ends with both written down. */
	if (next == SK_INCIDENT_CLOSED && now != SK_INCIDENT_NOTHING && !(facts->has_cause && facts->has_prevention))
		return sk_err_set(err, -EINVAL, "cause and prevention have to be written down first");
	return 0;
}

bool sk_incident_may_add(const struct sk_incident_facts *facts, enum sk_role role)
{
	return facts->state != SK_INCIDENT_CLOSED && ((unsigned)role & (SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_SEC)) != 0;
}
