/*
 * P7: scanners other than clamd: Microsoft Defender by its own word (`mdatp health --output json`), any other by what the policy says of it: a program
 * among those that root put on this terminal for it, a line it prints when all is well, and a file that is as old as the signatures. What they
 * print is bounded and parsed here. A policy, signed or not, names no path: it could have root run anything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/inventory.h"
#include "platform/on_access.h"
#include "platform/probe.h"
#include "platform/run.h"
#include "policy/pattern.h"

#define OUTPUT_MAX (128 * 1024)

/* Root runs it: nobody else may have written it. */
static bool may_be_run(const char *path)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 022) == 0;
}

static json_t *facts_of(const char *product)
{
	return json_pack("{s:s, s:n, s:n}", "product", product, "signatures_ms", "on_access");
}

static void not_known(json_t *facts, const json_t *resident, const char *problem)
{
	char shown[200];

	sk_text_escape(shown, sizeof(shown), problem, strlen(problem));
	json_object_set(facts, "resident", (json_t *)resident);
	json_object_set_new(facts, "problem", json_string(shown));
}

/* A member that is true or false, alone or as {"value":...}. NULL when it is neither. Borrowed. */
static const json_t *yes_or_no(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (json_is_object(v))
		v = json_object_get(v, "value");
	return json_is_boolean(v) ? v : NULL;
}

static void copy_text(json_t *facts, const char *as, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	char shown[160];

	if (!s)
		return;
	sk_text_escape(shown, sizeof(shown), s, strlen(s));
	json_object_set_new(facts, as, json_string(shown));
}

static void copy_issues(json_t *facts, const json_t *issues)
{
	json_t *out = json_array();
	char shown[200];

	for (size_t i = 0; i < json_array_size(issues) && i < 8; i++) {
		const char *s = json_string_value(json_array_get(issues, i));
		if (!s)
			continue;
		sk_text_escape(shown, sizeof(shown), s, strlen(s));
		json_array_append_new(out, json_string(shown));
	}
	json_object_set_new(facts, "issues", out);
}

json_t *sk_mdatp_facts(const char *text, size_t len, long long now_ms)
{
	json_t *facts = facts_of("Microsoft Defender"), *h = NULL;
	const json_t *v;

	if (sk_json_parse(text, len, OUTPUT_MAX, &h, NULL) < 0 || !json_is_object(h)) {
		json_decref(h);
		not_known(facts, json_null(), "an answer that is not Defender's");
		return facts;
	}
	json_object_set_new(facts, "resident", json_true());
	v = yes_or_no(h, "healthy");
	json_object_set(facts, "healthy", v ? (json_t *)v : json_null());
	v = yes_or_no(h, "realTimeProtectionEnabled");
	json_object_set(facts, "on_access", v ? (json_t *)v : json_null());
	v = yes_or_no(h, "passiveModeEnabled");
	json_object_set(facts, "passive", v ? (json_t *)v : json_null());
	v = json_object_get(h, "definitionsUpdatedMinutesAgo");
	if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 100LL * 365 * 1440)
		json_object_set_new(facts, "signatures_ms",
		                    json_integer((json_int_t)(now_ms - json_integer_value(v) * 60000)));
	copy_text(facts, "version", h, "appVersion");
	copy_text(facts, "signatures_version", h, "definitionsVersion");
	copy_issues(facts, json_object_get(h, "healthIssues"));
	json_decref(h);
	return facts;
}

/* The output of a command, or NULL with the facts saying why. */
static char *ask(const char *const argv[], int timeout_ms, json_t *facts, int *len)
{
	char *out;

	if (!may_be_run(argv[0])) {
		bool there = access(argv[0], F_OK) == 0;
		not_known(facts, there ? json_null() : json_false(),
		          there ? "others may write its program" : "it is not installed");
		return NULL;
	}
	out = malloc(OUTPUT_MAX);
	*len = out ? sk_run(0, "/root", argv, timeout_ms, out, OUTPUT_MAX) : -ENOMEM;
	if (*len >= 0)
		return out;
	free(out);
	not_known(facts, *len == -EIO ? json_false() : json_null(),
	          *len == -EIO ? "its program ended with an error" : strerror(-*len));
	return NULL;
}

json_t *sk_probe_mdatp(const char *program, int timeout_ms, long long now_ms)
{
	const char *const argv[] = {program, "health", "--output", "json", NULL};
	json_t *facts = facts_of("Microsoft Defender"), *said;
	int len;
	char *out = ask(argv, timeout_ms, facts, &len);

	if (!out)
		return facts;
	said = sk_mdatp_facts(out, (size_t)len, now_ms);
	free(out);
	json_decref(facts);
	return said;
}

static bool any_line(char *text, const char *pattern)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		sk_text_trim(line);
		if (strlen(line) < 512 && sk_glob(pattern, line, true))
			return true;
	}
	return false;
}

json_t *sk_probe_scanner(const struct sk_scanner_options *o)
{
	json_t *facts = facts_of(o->name && *o->name ? o->name : "?");
	char program[400], *out;
	const char *const argv[] = {program, NULL};
	struct stat st;
	int len;

	if (!o->command || !sk_text_is_name(o->command, 64) || !o->running || !*o->running ||
	    snprintf(program, sizeof(program), "%s/%s", o->folder, o->command) >= (int)sizeof(program)) {
		not_known(facts, json_null(),
		          "the policy names no program, or no line that it prints when all is well");
		return facts;
	}
	out = ask(argv, o->timeout_ms, facts, &len);
	if (out) {
		bool well = any_line(out, o->running);
		json_object_set_new(facts, "resident", json_boolean(well));
		if (!well)
			json_object_set_new(facts, "problem", json_string("it does not print that all is well"));
	}
	if (o->signatures && *o->signatures && stat(o->signatures, &st) == 0)
		json_object_set_new(facts, "signatures_ms", json_integer((json_int_t)st.st_mtime * 1000));
	free(out);
	return facts;
}

/* --- the live test, not more often than asked: each one is an alarm in the product's own console --- */

static bool recent(const char *stamp, long long every_ms, long long now_ms, char word[16])
{
	char text[64];
	long long at = 0;

	return sk_file_attr(stamp, text, sizeof(text)) > 0 && sscanf(text, "%15s %lld", word, &at) == 2 &&
	       at <= now_ms && now_ms - at < every_ms;
}

static void live_test(const struct sk_av_options *o, json_t *facts)
{
	char stamp[600], text[64], word[16];

	snprintf(stamp, sizeof(stamp), "%s" SK_STATE_FOLDER "/on-access", o->root);
	if (!recent(stamp, o->test_every_ms, o->now_ms, word)) {
		snprintf(word, sizeof(word), "%s", sk_on_access_test(o->test_folder, o->test_wait_ms));
		int n = snprintf(text, sizeof(text), "%s %lld\n", word, o->now_ms);
		(void)sk_file_write(stamp, text, (size_t)n, 0600, NULL);
	}
	json_object_set_new(facts, "live_test", json_string(word));
}

json_t *sk_probe_av(const struct sk_av_options *o)
{
	const char *product = o->product;
	json_t *facts;

	if (strcmp(product, "auto") == 0)
		product = access(o->mdatp, F_OK) == 0 && access(o->socket, F_OK) < 0 ? "defender" : "clamav";
	if (strcmp(product, "defender") == 0)
		facts = sk_probe_mdatp(o->mdatp, o->timeout_ms, o->now_ms);
	else if (strcmp(product, "command") == 0)
		facts = sk_probe_scanner(&o->scanner);
	else if (strcmp(product, "clamav") == 0)
		facts = sk_probe_antivirus(o->socket, o->timeout_ms);
	else
		return json_pack("{s:s}", "error", "the policy names a product that is not known");
	if (facts && o->test_folder && json_is_true(json_object_get(facts, "resident")))
		live_test(o, facts);
	return facts;
}
