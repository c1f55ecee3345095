/* Commands that hold the records against themselves and against what others hold: verify, export. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "server/admin.h"
#include "server/checkpoint.h"

static void print_finding(const struct sk_admin *a, const json_t *f)
{
	const char *chain = json_string_value(json_object_get(f, "chain")),
	           *state = json_string_value(json_object_get(f, "state"));
	long long records = json_integer_value(json_object_get(f, "records")),
	          at = json_integer_value(json_object_get(f, "at"));
	const char *host = json_string_value(json_object_get(f, "host"));

	if (strcmp(state, "ok") == 0)
		printf(sk_tr(a->lang, N_("%s %s: %lld records, unbroken\n")), chain, host, records);
	else
		printf(sk_tr(a->lang, N_("%s %s: BROKEN (%s) at record %lld, after %lld good ones\n")), chain, host,
		       state, at, records);
}

static int show(const struct sk_admin *a, json_t *findings, bool json, int broken)
{
	json_t *f;
	size_t i;

	if (json) {
		json_dumpf(findings, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
	} else {
		json_array_foreach(findings, i, f)
		{
			print_finding(a, f);
		}
	}
	json_decref(findings);
	return broken > 0;
}

static int load_key(const char *path, struct sk_verify_key **out, struct sk_err *err)
{
	struct sk_buf b;
	int r;

	sk_buf_init(&b, 65536);
	r = sk_file_read(path, &b, err);
	if (r == 0 && (r = sk_verify_key_load(b.data, b.len, out, err)) < 0)
		sk_err_prefix(err, r, "%s", path);
	sk_buf_deinit(&b);
	return r;
}

static int verify_store(struct sk_admin *a, const char *key_path, const char *noted, json_t **findings,
                        struct sk_err *err)
{
	struct sk_verify_key *key = NULL;
	char path[320];
	int broken, r;

	if (key_path == NULL) {
		sk_admin_path(a, "sign.pub", path, sizeof(path));
		key_path = path;
	}
	r = load_key(key_path, &key, err);
	if (r < 0)
		return r;
	broken = sk_store_verify(a->store, findings, err);
	r = broken < 0 ? broken : sk_checkpoint_verify(a->store, key, *findings);
	if (r >= 0) {
		broken += r;
		r = noted == NULL ? 0 : sk_checkpoint_known(a->store, noted, *findings);
		broken += r > 0;
	}
	if (r < 0 && broken >= 0) {
		json_decref(*findings);
		sk_err_set(err, r,
		           r == -EINVAL ? "\"%s\" is no checkpoint; give it as the log says it, RECORDS:HEAD"
		                        : "checkpoints cannot be read (%s)",
		           r == -EINVAL ? noted : strerror(-r));
	}
	sk_verify_key_free(key);
	return r < 0 ? r : broken;
}

static int verify_export(const char *path, const char *key_path, const char *noted, json_t **findings,
                         struct sk_err *err)
{
	struct sk_verify_key *key = NULL;
	FILE *in;
	int r = load_key(key_path, &key, err);

	if (r < 0)
		return r;
	in = fopen(path, "re");
	r = in == NULL ? sk_err_set(err, -errno, "%s: %s", path, strerror(errno))
	               : sk_export_verify(in, key, noted, findings, err);
	if (in != NULL) {
		if (r < 0)
			sk_err_prefix(err, r, "%s", path);
		fclose(in);
	}
	sk_verify_key_free(key);
	return r;
}

int sk_admin_verify(struct sk_admin *a)
{
	const char *export = NULL, *key = NULL, *noted = NULL;
	struct sk_err err = SK_ERR_INIT;
	json_t *findings = NULL;
	bool json = false;
	const struct sk_option options[] = {{"--json", NULL, &json, false},
	                                    {"--export", &export, NULL, false},
	                                    {"--key", &key, NULL, false},
	                                    {"--known", &noted, NULL, false},
	                                    {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, NULL, 0, 0), broken;

	if (status != 0)
		return status;
	if (export != NULL && key == NULL)
		return sk_admin_usage(a, sk_tr(a->lang, N_("--export needs --key FILE, the public key (sign.pub)")));
	if (export == NULL && (status = sk_admin_open(a)) != 0)
		return status;
	broken = export != NULL ? verify_export(export, key, noted, &findings, &err)
	                        : verify_store(a, key, noted, &findings, &err);
	return broken < 0 ? sk_admin_fail(a, &err) : show(a, findings, json, broken);
}

int sk_admin_export(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	const char *path = NULL;
	struct sk_ca *ca = NULL;
	FILE *out = NULL;
	const struct sk_option options[] = {{NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, &path, 1, 1), fd, r;

	if (status != 0)
		return status;
	r = sk_ca_load(a->config.state_dir, &ca, &err);
	if (r == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		out = fd < 0 ? NULL : fdopen(fd, "w");
		r = out == NULL ? sk_err_set(&err, -errno, "%s: %s", path, strerror(errno)) : 0;
	}
	if (r == 0 && (r = sk_store_audit(a->store, &a->by, "export", path, NULL, sk_clock_wall())) < 0)
		sk_err_set(&err, r, "the export cannot be recorded: %s", strerror(-r));
	if (r == 0)
		r = sk_export_write(a->store, sk_ca_sign_key(ca), sk_clock_wall(), out, &err);
	if (out != NULL && ((r == 0 && fsync(fileno(out)) != 0) || fclose(out) != 0) && r == 0)
		r = sk_err_set(&err, -EIO, "%s: not written", path);
	if (r < 0 && out != NULL)
		unlink(path);
	sk_ca_free(ca);
	if (r < 0)
		return sk_admin_fail(a, &err);
	printf(sk_tr(a->lang, N_("%s: the records, sealed. Anybody with sign.pub can verify them; they hold personal "
	                         "data: keep the file like the ledger.\n")),
	       path);
	return 0;
}
