/* Commands about sections, people, enrolment tokens, terminals and policies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/text.h"
#include "policy/policy.h"
#include "server/admin.h"
#include "server/password.h"
#include "server/store_login.h"

static const struct sk_option none[] = {{NULL, NULL, NULL, false}};

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

static void time_of(const json_t *row, const char *name, char out[32])
{
	sk_ms t = json_integer_value(json_object_get(row, name));

	out[0] = '-';
	out[1] = '\0';
	if (t > 0)
		sk_clock_format_local(t, out, 32);
}

static int list_command(struct sk_admin *a, bool *json)
{
	const struct sk_option options[] = {{"--json", NULL, json, false}, {NULL, NULL, NULL, false}};

	*json = false;
	return sk_admin_options(a, options, NULL, 0, 0);
}

int sk_admin_unit_add(struct sk_admin *a)
{
	const char *key = NULL, *ja = NULL, *en = NULL;
	const struct sk_option options[] = {
	    {"--ja", &ja, NULL, true}, {"--en", &en, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, &key, 1, 1);

	if (status != 0)
		return status;
	return sk_store_unit_put(a->store, &a->by, key, ja, en, &err) < 0 ? sk_admin_fail(a, &err) : 0;
}

static void print_unit(const struct sk_admin *a, const json_t *u)
{
	printf("%s\t%s\t%lld\n", text_of(u, "key"), text_of(u, a->lang == SK_LANG_JA ? "name_ja" : "name_en"),
	       (long long)json_integer_value(json_object_get(u, "terminals")));
}

int sk_admin_unit_list(struct sk_admin *a)
{
	bool json;
	int status = list_command(a, &json);

	return status != 0 ? status : sk_admin_show(a, sk_store_units(a->store), json, print_unit);
}

/* Where the password is: in the directory, on stdin's first line, or made and printed. 0 or an exit status. */
static int new_password(struct sk_admin *a, bool directory, bool from_stdin, char hash[SK_PASSWORD_HASH])
{
	char line[SK_PASSWORD_MAX + 3], code[24];
	struct sk_err err = SK_ERR_INIT;
	int r;

	if (directory && from_stdin)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--directory and --password-stdin exclude each other")));
	if (directory && a->config.directory.url[0] == '\0') {
		sk_err_set(
		    &err, -EINVAL, "%s",
		    sk_tr(a->lang, N_("no directory is configured; write [directory] url and base into server.ini")));
		return sk_admin_fail(a, &err);
	}
	if (directory) {
		sk_text_copy(hash, SK_PASSWORD_HASH, SK_PASSWORD_NONE);
		return 0;
	}
	if (from_stdin) {
		if (fgets(line, sizeof(line), stdin) == NULL)
			line[0] = '\0';
		line[strcspn(line, "\r\n")] = '\0';
		if (strlen(line) < SK_PASSWORD_MIN) {
			explicit_bzero(line, sizeof(line));
			sk_err_set(&err, -EINVAL,
			           sk_tr(a->lang, N_("the password on stdin is too short; at least %d characters")),
			           SK_PASSWORD_MIN);
			return sk_admin_fail(a, &err);
		}
		r = sk_password_hash(line, hash);
		explicit_bzero(line, sizeof(line));
	} else {
		r = sk_password_generate(code);
		if (r == 0)
			r = sk_password_hash(code, hash);
		if (r == 0)
			printf("%s\n", code);
		explicit_bzero(code, sizeof(code));
	}
	if (r == 0)
		return 0;
	sk_err_set(&err, r, "the password cannot be stored: %s", strerror(-r));
	return sk_admin_fail(a, &err);
}

static void print_once(const struct sk_admin *a)
{
	fprintf(stderr, "%s\n",
	        sk_tr(a->lang, N_("The password above is shown this once and kept nowhere. Hand it over in person.")));
}

static int parse_roles(const char *text, unsigned *out)
{
	char copy[128], *save = NULL;

	*out = 0;
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	sk_text_copy(copy, sizeof(copy), text);
	for (char *w = strtok_r(copy, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		enum sk_role role;

		if (sk_role_parse(w, &role) < 0)
			return -EINVAL;
		*out |= (unsigned)role;
	}
	return *out == 0 ? -EINVAL : 0;
}

int sk_admin_user_add(struct sk_admin *a)
{
	const char *user = NULL, *name = NULL, *unit = NULL, *role = NULL, *login = NULL;
	bool from_stdin = false, directory = false;
	const struct sk_option options[] = {{"--name", &name, NULL, true},
	                                    {"--role", &role, NULL, true},
	                                    {"--unit", &unit, NULL, false},
	                                    {"--login", &login, NULL, false},
	                                    {"--directory", NULL, &directory, false},
	                                    {"--password-stdin", NULL, &from_stdin, false},
	                                    {NULL, NULL, NULL, false}};
	char hash[SK_PASSWORD_HASH];
	struct sk_err err = SK_ERR_INIT;
	struct sk_user there;
	unsigned roles;
	int status = sk_admin_options(a, options, &user, 1, 1);

	if (status != 0)
		return status;
	if (parse_roles(role, &roles) < 0)
		return sk_admin_usage(
		    a, sk_tr(a->lang,
		             N_("--role takes sec, desk, sys, aud, ciso, exec, bur, staff, with commas between them")));
	if (sk_store_user_get(a->store, user, &there) == 0) {
		sk_err_set(&err, -EEXIST, sk_tr(a->lang, N_("user \"%s\" exists already")), user);
		return sk_admin_fail(a, &err);
	}
	status = new_password(a, directory, from_stdin, hash);
	if (status != 0)
		return status;
	if (sk_store_user_put(a->store, &a->by, user, name, unit == NULL ? "" : unit, roles, hash, &err) < 0 ||
	    (login != NULL && sk_store_user_login(a->store, &a->by, user, login, &err) < 0))
		return sk_admin_fail(a, &err);
	if (!from_stdin && !directory)
		print_once(a);
	return 0;
}

int sk_admin_user_passwd(struct sk_admin *a)
{
	const char *user = NULL;
	bool from_stdin = false, directory = false;
	const struct sk_option options[] = {{"--password-stdin", NULL, &from_stdin, false},
	                                    {"--directory", NULL, &directory, false},
	                                    {NULL, NULL, NULL, false}};
	char hash[SK_PASSWORD_HASH];
	struct sk_err err = SK_ERR_INIT;
	struct sk_user there;
	int status = sk_admin_options(a, options, &user, 1, 1);

	if (status != 0)
		return status;
	if (sk_store_user_get(a->store, user, &there) < 0) {
		sk_err_set(&err, -ENOENT,
		           sk_tr(a->lang, N_("user \"%s\" is not known; see: sekimori-server user list")), user);
		return sk_admin_fail(a, &err);
	}
	status = new_password(a, directory, from_stdin, hash);
	if (status != 0)
		return status;
	if (sk_store_user_password(a->store, &a->by, user, hash, &err) < 0)
		return sk_admin_fail(a, &err);
	if (!from_stdin && !directory)
		print_once(a);
	return 0;
}

static int set_disabled(struct sk_admin *a, bool disabled)
{
	struct sk_err err = SK_ERR_INIT;
	const char *user = NULL;
	int status = sk_admin_options(a, none, &user, 1, 1);

	if (status != 0)
		return status;
	return sk_store_user_disable(a->store, &a->by, user, disabled, &err) < 0 ? sk_admin_fail(a, &err) : 0;
}

int sk_admin_user_disable(struct sk_admin *a)
{
	return set_disabled(a, true);
}

int sk_admin_user_enable(struct sk_admin *a)
{
	return set_disabled(a, false);
}

int sk_admin_user_factor(struct sk_admin *a)
{
	const char *user = NULL, *reason = NULL;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, &user, 1, 1);

	if (status != 0)
		return status;
	return sk_store_factor_reset(a->store, &a->by, user, reason, sk_clock_wall(), &err) < 0 ? sk_admin_fail(a, &err)
	                                                                                        : 0;
}

static void print_user(const struct sk_admin *a, const json_t *u)
{
	const json_t *role;
	char last[32];
	size_t i;

	time_of(u, "last_login", last);
	printf("%s\t%s\t%s\t", text_of(u, "user"), text_of(u, "name"),
	       text_of(u, "unit")[0] == '\0' ? "-" : text_of(u, "unit"));
	json_array_foreach(json_object_get(u, "roles"), i, role)
	{
		printf("%s%s", i > 0 ? "," : "", json_string_value(role));
	}
	printf("\t%s\t%s\n", last, json_is_true(json_object_get(u, "disabled")) ? sk_tr(a->lang, N_("disabled")) : "");
}

int sk_admin_user_list(struct sk_admin *a)
{
	bool json;
	int status = list_command(a, &json);

	return status != 0 ? status : sk_admin_show(a, sk_store_users(a->store), json, print_user);
}

int sk_admin_token_create(struct sk_admin *a)
{
	const char *host = NULL, *unit = NULL, *asset = NULL, *valid = NULL;
	const struct sk_option options[] = {{"--host", &host, NULL, true},
	                                    {"--unit", &unit, NULL, true},
	                                    {"--asset", &asset, NULL, false},
	                                    {"--valid", &valid, NULL, false},
	                                    {NULL, NULL, NULL, false}};
	char code[27], token[128], sha[SK_SHA256_HEX], ends[32];
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *ca = NULL;
	long long seconds = 86400;
	int status = sk_admin_options(a, options, NULL, 0, 0);
	sk_ms until;

	if (status != 0)
		return status;
	if (valid != NULL && sk_text_duration(valid, 60, 31 * 86400LL, &seconds) < 0)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--valid takes a time from 1m to 31d, for example 24h")));
	if (sk_ca_load(a->config.state_dir, &ca, &err) < 0)
		return sk_admin_fail(a, &err);
	until = sk_clock_wall() + seconds * 1000;
	if (sk_random_code(code, 26) < 0) {
		sk_ca_free(ca);
		return 1;
	}
	snprintf(token, sizeof(token), "SK1-%s-%s", code, sk_ca_fingerprint(ca));
	sk_ca_free(ca);
	sk_sha256_hex(token, strlen(token), sha);
	if (sk_store_token_put(a->store, &a->by, sha, host, asset == NULL ? "" : asset, unit, until, &err) < 0)
		return sk_admin_fail(a, &err);
	sk_clock_format_local(until, ends, sizeof(ends));
	printf("%s\n", token);
	fprintf(stderr, sk_tr(a->lang, N_("For %s, once, until %s. It is shown this once.\n")), host, ends);
	return 0;
}

static void print_token(const struct sk_admin *a, const json_t *t)
{
	char until[32];

	(void)a;
	time_of(t, "until", until);
	printf("%lld\t%s\t%s\t%s\t%s\t%s\t%s\n", (long long)json_integer_value(json_object_get(t, "id")),
	       text_of(t, "state"), text_of(t, "host"), text_of(t, "asset")[0] == '\0' ? "-" : text_of(t, "asset"),
	       text_of(t, "unit"), until, text_of(t, "device"));
}

int sk_admin_token_list(struct sk_admin *a)
{
	bool json;
	int status = list_command(a, &json);

	return status != 0 ? status : sk_admin_show(a, sk_store_tokens(a->store, sk_clock_wall()), json, print_token);
}

int sk_admin_token_revoke(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	const char *number = NULL;
	long long id = 0;
	int status = sk_admin_options(a, none, &number, 1, 1);

	if (status != 0)
		return status;
	if (sk_text_i64(number, 1, 1LL << 53, &id) < 0)
		return sk_admin_usage(
		    a, sk_tr(a->lang, N_("the number of a token is needed; see: sekimori-server token list")));
	return sk_store_token_revoke(a->store, &a->by, id, &err) < 0 ? sk_admin_fail(a, &err) : 0;
}

int sk_admin_policy_set(struct sk_admin *a)
{
	const char *file = NULL, *unit = NULL;
	const struct sk_option options[] = {{"--unit", &unit, NULL, false}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	struct sk_policy *p = NULL;
	struct sk_buf warnings;
	int status = sk_admin_options(a, options, &file, 1, 1), r;

	if (status != 0)
		return status;
	r = sk_policy_load(file, &p, &err);
	if (r < 0)
		return sk_admin_fail(a, &err);
	sk_buf_init(&warnings, 65536);
	if (sk_policy_warnings(p, &warnings) > 0)
		fputs(warnings.data, stderr);
	sk_buf_deinit(&warnings);
	r = sk_store_policy_set(a->store, &a->by, unit == NULL ? "" : unit, p->text, &err);
	if (r == 0)
		printf(sk_tr(a->lang, N_("Policy %s version %lld is in force for %s; terminals get it as soon as they "
		                         "are online.\n")),
		       p->name, (long long)p->version, unit == NULL ? sk_tr(a->lang, N_("the whole office")) : unit);
	sk_policy_free(p);
	return r < 0 ? sk_admin_fail(a, &err) : 0;
}

static void print_terminal(const struct sk_admin *a, const json_t *t)
{
	char last[32];

	time_of(t, "last_contact", last);
	printf("%s\t%s\t%s\t%s\t%s\t%s\n", text_of(t, "id"), text_of(t, "host"),
	       text_of(t, "asset")[0] == '\0' ? "-" : text_of(t, "asset"), text_of(t, "unit"),
	       json_is_true(json_object_get(t, "revoked")) ? sk_tr(a->lang, N_("revoked")) : text_of(t, "state"), last);
}

int sk_admin_terminal_list(struct sk_admin *a)
{
	bool json;
	int status = list_command(a, &json);

	if (status != 0)
		return status;
	return sk_admin_show(
	    a, sk_store_terminals(a->store, NULL, NULL, NULL, sk_clock_wall(), a->config.silent_s * 1000, 1000000, 0),
	    json, print_terminal);
}

int sk_admin_terminal_revoke(struct sk_admin *a)
{
	const char *id = NULL, *reason = NULL;
	const struct sk_option options[] = {{"--reason", &reason, NULL, true}, {NULL, NULL, NULL, false}};
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, options, &id, 1, 1);

	if (status != 0)
		return status;
	return sk_store_terminal_revoke(a->store, &a->by, id, reason, &err) < 0 ? sk_admin_fail(a, &err) : 0;
}
