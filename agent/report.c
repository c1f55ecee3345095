/* Status and report, put together from the parts. */
#include "agent/report.h"

#include "agent/office.h"
#include "agent/tamper.h"

#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/uplink_socket.h"
#include "common/file.h"
#include "common/text.h"
#include "platform/controllers.h"

static const char *sysfs(const struct sk_daemon *d)
{
	return d->config.sysfs;
}

static json_t *policy_json(const struct sk_daemon *d)
{
	const struct sk_policy *p = sk_holder_policy(d->holder);
	struct sk_holder_info h;

	sk_holder_info(d->holder, &h);
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:s?}", "name", p->name, "version", (json_int_t)p->version,
	                 "zone", sk_zone_name(p->zone), "mode", sk_mode_name(p->mode), "source",
	                 sk_policy_source_name(h.source), "bundle_version", (json_int_t)h.policy_version, "problem",
	                 h.problem[0] ? h.problem : NULL);
}

static json_t *grants_json(const struct sk_daemon *d)
{
	struct sk_holder_info h;

	sk_holder_info(d->holder, &h);
	return json_pack("{s:I, s:I}", "version", (json_int_t)h.grants_version, "count", (json_int_t)h.grants);
}

static json_t *journal_json(const struct sk_daemon *d)
{
	struct sk_journal_info i;

	sk_journal_info(d->journal, &i);
	return json_pack("{s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:s?, s:I}", "last_seq", (json_int_t)i.last_seq,
	                 "acked_seq", (json_int_t)i.acked_seq, "unacked", (json_int_t)(i.last_seq - i.acked_seq),
	                 "unacked_bytes", (json_int_t)i.unacked_bytes, "state", sk_journal_state_name(i.state),
	                 "queued", (json_int_t)i.queued, "dropped", (json_int_t)i.dropped, "suppressed",
	                 (json_int_t)i.suppressed, "problem", i.problem[0] ? i.problem : NULL, "keep_s",
	                 (json_int_t)d->config.keep_s);
}

static json_t *uplink_json(const struct sk_daemon *d)
{
	struct sk_uplink_line l;

	sk_uplink_face_line(d->uplink, &l);
	return json_pack("{s:s, s:o, s:s?, s:s?}", "state",
	                 l.state[0]          ? l.state
	                 : d->trust.enrolled ? "offline"
	                                     : "not-enrolled",
	                 "last_contact", l.last_contact ? json_integer(l.last_contact) : json_null(), "error",
	                 l.error[0] ? l.error : NULL, "refused_bundle", d->last_bundle[0] ? d->last_bundle : NULL);
}

/* The gate's own word, unless the kernel says otherwise now: "open" = a controller does not have the default deny. */
static json_t *enforcement_json(const struct sk_daemon *d, bool with_controllers)
{
	json_t *controllers = sk_controllers(sysfs(d)),
	       *o = d->gate ? sk_gate_enforcement(d->gate) : json_pack("{s:s}", "state", "none");

	if (o && d->gate && !strcmp(sk_controllers_state(controllers), "open"))
		json_object_set_new(o, "state", json_string("open"));
	if (o && with_controllers)
		json_object_set(o, "controllers", controllers);
	json_decref(controllers);
	return o;
}

json_t *sk_status(struct sk_daemon *d)
{
	sk_ms now = sk_daemon_now(d); /* first: it notices how the clock stands */

	return json_pack(
	    "{s:s, s:b, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:I, s:O, s:s, s:s?}", "version", SK_VERSION,
	    "enrolled", (int)d->trust.enrolled, "device_id", d->trust.enrolled ? d->trust.device : NULL, "server",
	    d->trust.enrolled ? d->trust.server : NULL, "policy", policy_json(d), "grants", grants_json(d), "journal",
	    journal_json(d), "enforcement", enforcement_json(d, true), "uplink", uplink_json(d), "clock", "now",
	    (json_int_t)now, "turned_back_ms", (json_int_t)d->turned_back_ms, "since", (json_int_t)d->started,
	    "notices", d->notices.ring, "isolation", sk_isolation_name(sk_office_isolation(d)), "config_problem",
	    d->config.problem[0] ? d->config.problem : NULL);
}

static void os_name(char *out, size_t size)
{
	struct sk_buf text;
	char *line, *save = NULL;

	sk_text_copy(out, size, "Linux");
	sk_buf_init(&text, 8192);
	if (sk_file_read("/usr/lib/os-release", &text, NULL) == 0)
		for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			if (!strncmp(line, "PRETTY_NAME=", 12)) {
				size_t n = strlen(line + 12);
				const char *v = line + 12;

				if (n >= 2 && v[0] == '"' && v[n - 1] == '"') {
					v++;
					n -= 2;
				}
				sk_text_printable(out, size, v, n);
			}
	sk_buf_deinit(&text);
}

/* The kernel's word; where a sandbox keeps that call away, timesyncd's. */
static int synchronised(void)
{
	struct timex t = {0};

	if (adjtimex(&t) >= 0)
		return !(t.status & STA_UNSYNC);
	return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}

json_t *sk_report(struct sk_daemon *d)
{
	sk_ms now = sk_daemon_now(d);
	char boot[64] = "", os[128], host[256] = "";
	struct sk_holder_info h;
	struct sk_journal_info i;

	if (sk_file_attr("/proc/sys/kernel/random/boot_id", boot, sizeof boot) < 0)
		boot[0] = '\0';
	if (gethostname(host, sizeof host - 1) < 0)
		host[0] = '\0';
	sk_tamper_look(d);
	os_name(os, sizeof os);
	sk_holder_info(d->holder, &h);
	sk_journal_info(d->journal, &i);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:{s:I, s:s, s:I}, s:{s:I, s:I, s:b}, s:o, s:o, s:o, s:s}", "version",
	    SK_VERSION, "boot_id", boot, "program", sk_tamper_program(d), "os", os, "host", host, "policy",
	    policy_json(d), "grants_version", (json_int_t)h.grants_version, "journal", "last_seq",
	    (json_int_t)i.last_seq, "state", sk_journal_state_name(i.state), "suppressed", (json_int_t)i.suppressed,
	    "clock", "now", (json_int_t)now, "turned_back_ms", (json_int_t)d->turned_back_ms, "synchronised",
	    synchronised(), "posture", d->posture ? sk_posture_results(d->posture, NULL) : json_array(), "devices",
	    sk_daemon_devices(d), "enforcement", enforcement_json(d, false), "isolation",
	    sk_isolation_name(sk_office_isolation(d)));
}
