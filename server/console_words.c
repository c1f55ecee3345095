/* Words for the keys that the store and terminals use: one table each, msgids. What policy/ names, policy/ words. */
#include "server/console.h"

#include <string.h>

#include "policy/decide.h"

struct word {
	const char *key, *word;
	enum sk_tone tone;
};

#define FIND(table, key, tone) find((table), sizeof(table) / sizeof((table)[0]), (key), (tone))

static const char *find(const struct word *t, size_t n, const char *key, enum sk_tone *tone)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(t[i].key, key) == 0) {
			if (tone != NULL)
				*tone = t[i].tone;
			return t[i].word;
		}
	}
	if (tone != NULL)
		*tone = SK_TONE_PLAIN;
	return key;
}

const char *sk_word_role(enum sk_role role)
{
	switch (role) {
	case SK_ROLE_SEC:
		return N_("Section security manager");
	case SK_ROLE_DESK:
		return N_("Helpdesk (single point of contact)");
	case SK_ROLE_SYS:
		return N_("Information system manager");
	case SK_ROLE_AUD:
		return N_("Audit officer");
	case SK_ROLE_CISO:
		return N_("Chief information security officer (CISO)");
	case SK_ROLE_EXEC:
		return N_("Executive security officer");
	case SK_ROLE_BUR:
		return N_("Bureau security officer");
	case SK_ROLE_STAFF:
		break;
	}
	return N_("Staff member");
}

const char *sk_word_request_state(const char *state, enum sk_tone *tone)
{
	static const struct word t[] = {
	    {"submitted", N_("Applied for"), SK_TONE_GRACE}, {"permitted", N_("Under examination"), SK_TONE_GRACE},
	    {"approved", N_("Permitted"), SK_TONE_OK},       {"refused", N_("Not permitted"), SK_TONE_BAD},
	    {"returned", N_("Returned"), SK_TONE_UNKNOWN},   {"withdrawn", N_("Withdrawn"), SK_TONE_PLAIN},
	    {"cancelled", N_("Cancelled"), SK_TONE_SILENT},  {"expired", N_("Expired"), SK_TONE_PLAIN},
	};

	return FIND(t, state, tone);
}

const char *sk_word_class(const char *key)
{
	static const struct word t[] = {
	    {"1", N_("important information (1)"), 0},           {"2", N_("important information (2)"), 0},
	    {"3", N_("important information (3)"), 0},           {"4", N_("important information (4)"), 0},
	    {"none", N_("other than important information"), 0},
	};

	return FIND(t, key, NULL);
}

const char *sk_word_access(const char *key)
{
	static const struct word t[] = {
	    {"ro", N_("read only"), 0},
	    {"rw", N_("read and write"), 0},
	    {"none", N_("no access"), 0},
	};

	return FIND(t, key, NULL);
}

const char *sk_word_reason(const char *key)
{
	for (enum sk_reason r = SK_REASON_RULE_ALLOW; *sk_reason_name(r) != '\0'; r++) {
		if (strcmp(sk_reason_name(r), key) == 0)
			return sk_reason_word(r);
	}
	return key;
}

const char *sk_word_kind(const char *key)
{
	unsigned kind;

	return sk_usb_kind_parse(key, &kind) == 0 ? sk_usb_kind_word(kind) : key;
}

const char *sk_word_mode(const char *key)
{
	for (enum sk_mode m = SK_MODE_ENFORCE; m <= SK_MODE_LEARN; m++) {
		if (strcmp(sk_mode_name(m), key) == 0)
			return sk_mode_word(m);
	}
	return key;
}

const char *sk_word_zone(const char *key)
{
	for (enum sk_zone z = SK_ZONE_INTERNET; z <= SK_ZONE_MY_NUMBER; z++) {
		if (strcmp(sk_zone_name(z), key) == 0)
			return sk_zone_word(z);
	}
	return key;
}

const char *sk_word_event(const char *kind, enum sk_tone *tone)
{
	static const struct word t[] = {
	    {"chain-start", N_("Record begun"), SK_TONE_PLAIN},
	    {"daemon.started", N_("Agent started"), SK_TONE_PLAIN},
	    {"daemon.stopped", N_("Agent stopped"), SK_TONE_PLAIN},
	    {"device.decided", N_("Device decided on"), SK_TONE_PLAIN},
	    {"device.removed", N_("Device removed"), SK_TONE_PLAIN},
	    {"device.refused-change", N_("Device refused: it changed"), SK_TONE_BAD},
	    {"grant.admitted", N_("Permit in use"), SK_TONE_OK},
	    {"grant.warned", N_("Warned that the permit ends"), SK_TONE_GRACE},
	    {"grant.ended", N_("Permit ended, medium closed"), SK_TONE_PLAIN},
	    {"medium.mounted", N_("Medium opened"), SK_TONE_OK},
	    {"medium.unmounted", N_("Medium closed"), SK_TONE_PLAIN},
	    {"medium.scanning", N_("Scan of a medium begun"), SK_TONE_PLAIN},
	    {"medium.scanned", N_("Medium scanned"), SK_TONE_OK},
	    {"medium.not-scanned", N_("Medium not scanned, not opened"), SK_TONE_UNKNOWN},
	    {"medium.infected", N_("Malicious file found on a medium"), SK_TONE_BAD},
	    {"medium.erasing", N_("Erasing of a medium begun"), SK_TONE_PLAIN},
	    {"medium.releasing", N_("Passphrase of a container is being made"), SK_TONE_PLAIN},
	    {"medium.released", N_("Passphrase of a container given to a recipient"), SK_TONE_GRACE},
	    {"medium.not-released", N_("No passphrase was given"), SK_TONE_PLAIN},
	    {"medium.erased", N_("Medium erased and read back"), SK_TONE_OK},
	    {"medium.not-erased", N_("Medium not erased completely"), SK_TONE_BAD},
	    {"device.refused-infected", N_("Medium closed because of a finding"), SK_TONE_BAD},
	    {"file.written", N_("Files written to a medium"), SK_TONE_PLAIN},
	    {"medium.recorded", N_("Record of written files complete"), SK_TONE_OK},
	    {"medium.record-gap", N_("Gap in the record of written files"), SK_TONE_ERROR},
	    {"medium.mount-failed", N_("Medium could not be opened"), SK_TONE_ERROR},
	    {"medium.open-failed", N_("Encrypted container could not be opened"), SK_TONE_ERROR},
	    {"policy.applied", N_("Policy applied"), SK_TONE_PLAIN},
	    {"policy.refused", N_("Policy refused"), SK_TONE_ERROR},
	    {"grants.applied", N_("Permits received"), SK_TONE_PLAIN},
	    {"grants.refused", N_("Permits refused"), SK_TONE_ERROR},
	    {"bundle.refused", N_("Signed order refused"), SK_TONE_ERROR},
	    {"journal.full", N_("Record is full"), SK_TONE_ERROR},
	    {"journal.gap", N_("Gap in the record"), SK_TONE_ERROR},
	    {"clock.turned-back", N_("Clock turned back"), SK_TONE_ERROR},
	    {"clock.corrected", N_("Clock set right again"), SK_TONE_PLAIN},
	    {"check.changed", N_("Check changed"), SK_TONE_PLAIN},
	    {"request.created", N_("Request made"), SK_TONE_PLAIN},
	    {"request.answered", N_("Answer received"), SK_TONE_PLAIN},
	    {"inventory.changed", N_("Inventory changed"), SK_TONE_PLAIN},
	    {"inventory.accepted", N_("List accepted"), SK_TONE_PLAIN},
	    {"uevents.lost", N_("Device messages were lost"), SK_TONE_ERROR},
	    {"medium.key-mismatch", N_("Registered medium reformatted or exchanged"), SK_TONE_ERROR},
	    {"media.registered-request", N_("Registration of a medium asked for"), SK_TONE_PLAIN},
	    {"terminal.seal-key", N_("Sealing key of the terminal"), SK_TONE_PLAIN},
	    {"enforcement.failed", N_("Blocking failed"), SK_TONE_ERROR},
	    {"controller.opened", N_("Controller was open"), SK_TONE_ERROR},
	    {"session.locked", N_("Screen locked by the agent"), SK_TONE_PLAIN},
	    {"session.not-locked", N_("Screen does not lock"), SK_TONE_BAD},
	    {"session.left", N_("Text console left unattended"), SK_TONE_BAD},
	    {"session.ended", N_("Session ended by the agent"), SK_TONE_BAD},
	    {"order.taken", N_("Order taken"), SK_TONE_PLAIN},
	    {"order.done", N_("Order carried out"), SK_TONE_PLAIN},
	    {"orders.refused", N_("Orders refused"), SK_TONE_ERROR},
	    {"isolation.on", N_("Cut off from the network"), SK_TONE_BAD},
	    {"isolation.off", N_("Back on the network"), SK_TONE_PLAIN},
	    {"networks.closed", N_("Networks closed"), SK_TONE_BAD},
	    {"scan.full", N_("Full scan"), SK_TONE_PLAIN},
	    {"disk.erased", N_("Keys of a disk destroyed"), SK_TONE_BAD},
	    {"notice.received", N_("Notice arrived"), SK_TONE_PLAIN},
	    {"incident.reported", N_("Incident reported"), SK_TONE_BAD},
	    {"notice.acknowledged", N_("Notice acknowledged"), SK_TONE_OK},
	    {"agent.unclean", N_("Agent ended without saying so"), SK_TONE_BAD},
	    {"agent.downgraded", N_("Older agent installed"), SK_TONE_ERROR},
	    {"agent.upgraded", N_("Newer agent installed"), SK_TONE_PLAIN},
	    {"agent.replaced", N_("Agent exchanged"), SK_TONE_ERROR},
	    {"agent.traced", N_("Agent looked into by another program"), SK_TONE_ERROR},
	    {"agent.files-changed", N_("Files of the agent changed"), SK_TONE_ERROR},
	    {"settings.put-back", N_("Changed settings put back"), SK_TONE_BAD},
	};

	return FIND(t, kind, tone);
}

const char *sk_word_grade(const char *key)
{
	static const struct word t[] = {
	    {"A", N_("grade A: opened by the office's own key"), 0},
	    {"B", N_("grade B: registered as this one piece"), 0},
	    {"C", N_("grade C: known by its model only"), 0},
	};

	return FIND(t, key, NULL);
}

const char *sk_word_grade_meaning(const char *key)
{
	static const struct word t[] = {
	    {"A",
	     N_("The medium's content is encrypted and opens only on a terminal that was granted it. Copying the "
	        "medium "
	        "gains nothing."),
	     0},
	    {"B",
	     N_("A registration made by the server was found on this very piece. An ordinary copy of it fails; one "
	        "with "
	        "forged firmware might pass."),
	     0},
	    {"C",
	     N_("Only the maker's statement is known: vendor, model and serial number as the medium gives them. "
	        "Another "
	        "medium could give the same ones. Nothing shows that its content is encrypted."),
	     0},
	};

	return FIND(t, key, NULL);
}

const char *sk_word_duty(const char *key)
{
	static const struct word t[] = {
	    {"must", N_("mandatory"), 0},         {"principle", N_("in principle"), 0},
	    {"should", N_("desirable"), 0},       {"effort", N_("to be striven for"), 0},
	    {"as-needed", N_("where needed"), 0},
	};

	return FIND(t, key, NULL);
}

const char *sk_word_action(const char *key)
{
	static const struct word t[] = {
	    {"created", N_("Applied"), 0},
	    {"permit", N_("Permitted (section manager)"), 0},
	    {"approve", N_("Approved and issued (helpdesk)"), 0},
	    {"refuse", N_("Not permitted"), 0},
	    {"return", N_("Returned"), 0},
	    {"cancel", N_("Cancelled"), 0},
	    {"expire", N_("Expired"), 0},
	    {"page.viewed", N_("Page viewed"), 0},
	    {"init", N_("Server set up"), 0},
	    {"login", N_("Logged in"), 0},
	    {"login.failed", N_("Login failed"), 0},
	    {"incident", N_("Break in a terminal's record"), 0},
	    {"phone.issue", N_("Answered by telephone"), 0},
	    {"phone.issue-urgent", N_("Answered by telephone (urgent exception)"), 0},
	    {"medium.asked", N_("Registration of a medium asked for"), 0},
	    {"medium.key-sent", N_("Key of a container given to a terminal"), 0},
	    {"terminal.seal-key", N_("Sealing key of the terminal"), 0},
	    {"medium.registered", N_("Medium registered"), 0},
	    {"medium.registered-anew", N_("Medium registered anew"), 0},
	    {"medium.erased", N_("Medium erased and read back"), 0},
	    {"medium.released", N_("Passphrase of a container given to a recipient"), 0},
	    {"medium.not-erased", N_("Medium not erased completely"), 0},
	    {"takeout.compared", N_("Written files set against the request's list"), 0},
	    {"medium.refused", N_("Medium not registered"), 0},
	    {"medium.state", N_("State of a medium changed"), 0},
	    {"medium.sanitised", N_("Sanitising of a medium recorded"), 0},
	    {"medium.scan-recorded", N_("Virus scan of a medium recorded"), 0},
	    {"incident.opened", N_("Incident reported"), 0},
	    {"incident.sign", N_("Another sign of an incident"), 0},
	    {"incident.step", N_("Incident carried on"), 0},
	    {"incident.note", N_("Note on an incident"), 0},
	    {"incident.told", N_("Incident reported upwards"), 0},
	    {"incident.cause", N_("Cause of an incident recorded"), 0},
	    {"incident.prevention", N_("Prevention recorded"), 0},
	    {"incident.evidence", N_("Evidence of an incident recorded"), 0},
	    {"policy.set", N_("Policy set"), 0},
	    {"version.raise", N_("Version raised after a restore"), 0},
	    {"token.create", N_("Enrolment token made"), 0},
	    {"token.revoke", N_("Enrolment token revoked"), 0},
	    {"enrol", N_("Terminal enrolled"), 0},
	    {"enrol.refused", N_("Enrolment refused"), 0},
	    {"certificate.renewed", N_("Certificate renewed"), 0},
	    {"terminal.revoke", N_("Terminal shut out"), 0},
	    {"terminal.replaced", N_("Earlier identity shut out"), 0},
	    {"unit.put", N_("Section set"), 0},
	    {"user.put", N_("Account set"), 0},
	    {"user.password", N_("Password set"), 0},
	    {"user.login", N_("Login on terminals set"), 0},
	    {"user.disable", N_("Account disabled"), 0},
	    {"user.enable", N_("Account enabled"), 0},
	    {"application.created", N_("Application made"), 0},
	    {"application.acted", N_("Application acted on"), 0},
	    {"kinds.set", N_("Kinds of applications changed"), 0},
	    {"list.exported", N_("List saved as a file"), 0},
	    {"org.unit", N_("Unit changed"), 0},
	    {"org.post", N_("Post changed"), 0},
	    {"org.import", N_("Organisation imported"), 0},
	    {"org.absence", N_("Marked absent"), 0},
	    {"org.absence-end", N_("Absence ended"), 0},
	    {"org.delegation", N_("Delegated"), 0},
	    {"org.delegation-end", N_("Delegation ended"), 0},
	    {"user.card", N_("IC card registered"), 0},
	    {"user.card-removed", N_("IC card taken away"), 0},
	    {"user.second-factor", N_("Second factor set up"), 0},
	    {"user.second-factor-reset", N_("Second factor taken away"), 0},
	    {"session.ended", N_("Sessions ended"), 0},
	};

	return FIND(t, key, NULL);
}
