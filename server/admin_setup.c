/* Commands that make and run the installation: init, serve, verify, backup, restore. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "server/admin.h"
#include "server/container_master.h"
#include "server/phone_master.h"
#include "server/restore.h"
#include "server/serve.h"

static const struct sk_option none[] = {{NULL, NULL, NULL, false}};

int sk_admin_init(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_store *store = NULL;
	struct sk_ca *ca = NULL;
	uint8_t master[SK_PHONE_KEY];
	struct sk_buf made;
	char path[512];
	int status = sk_admin_options(a, none, NULL, 0, 0), r;
	bool had;

	if (status != 0)
		return status;
	sk_buf_init(&made, 8192);
	r = sk_ca_init(&a->config, sk_clock_wall(), &made, &err);
	if (r == 0)
		r = sk_container_master(a->config.state_dir, master, &made, &err);
	if (r == 0)
		r = sk_phone_master(a->config.state_dir, master, &made, &err);
	explicit_bzero(master, sizeof(master));
	sk_server_store_path(&a->config, path, sizeof(path));
	had = r == 0 && sk_store_open(path, false, &store, NULL) == 0;
	if (r == 0 && !had)
		r = sk_store_open(path, true, &store, &err);
	if (r == 0 && !had) {
		sk_buf_addf(&made, "%s\n", path);
		sk_store_audit(store, &a->by, "init", a->config.name, NULL, sk_clock_wall());
	}
	if (r == 0)
		r = sk_ca_load(a->config.state_dir, &ca, &err);
	if (r == 0) {
		printf("%s\n%s",
		       sk_tr(a->lang,
		             made.len > 0 ? N_("Made:") : N_("Everything was there already; nothing was changed.")),
		       made.data);
		printf(sk_tr(a->lang, N_("CA fingerprint (SHA-256): %s\n")), sk_ca_fingerprint(ca));
		printf("%s\n", sk_tr(a->lang, N_("Next: add sections (unit add), people (user add) and a policy "
		                                 "(policy set), then start the service.")));
	}
	sk_ca_free(ca);
	sk_store_close(store);
	sk_buf_deinit(&made);
	return r < 0 ? sk_admin_fail(a, &err) : 0;
}

int sk_admin_serve(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	int status = sk_admin_options(a, none, NULL, 0, 0), r;

	if (status != 0)
		return status;
	sk_log_init("sekimori-server", SK_LOG_INFO);
	sk_log_set_json(strcmp(a->config.log, "json") == 0);
	r = sk_serve(&a->config, &err);
	if (r < 0)
		sk_log(SK_LOG_ERR, "%s", err.text);
	return r < 0;
}

#define N_KEYS 8 /* of sk_restore_keys */

static int read_keys(const struct sk_admin *a, struct sk_store_file files[N_KEYS], struct sk_err *err)
{
	memset(files, 0, N_KEYS * sizeof(*files));
	for (size_t i = 0; i < N_KEYS; i++) {
		struct sk_buf b;
		char path[320];
		int r;

		sk_admin_path(a, sk_restore_keys[i], path, sizeof(path));
		sk_buf_init(&b, 65536);
		r = sk_file_read(path, &b, err);
		sk_text_copy(files[i].name, sizeof(files[i].name), sk_restore_keys[i]);
		files[i].len = b.len;
		files[i].data = r < 0 ? NULL : sk_buf_steal(&b);
		sk_buf_deinit(&b);
		if (r < 0)
			return r;
		if (files[i].data == NULL)
			return sk_err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

int sk_admin_backup(struct sk_admin *a)
{
	struct sk_store_file *files = calloc(N_KEYS, sizeof(*files));
	struct sk_err err = SK_ERR_INIT;
	const char *path = NULL;
	uint8_t master[SK_PHONE_KEY];
	int status = sk_admin_options(a, none, &path, 1, 1), r;

	if (status == 0 && files != NULL) {
		r = sk_container_master(a->config.state_dir, master, NULL, &err);
		if (r == 0)
			r = sk_phone_master(a->config.state_dir, master, NULL,
			                    &err); /* of an installation made before there were these */
		explicit_bzero(master, sizeof(master));
		if (r == 0)
			r = read_keys(a, files, &err);
		if (r == 0)
			r = sk_store_backup(a->store, path, files, N_KEYS, &err);
		if (r == 0) {
			sk_store_audit(a->store, &a->by, "backup", path, NULL, sk_clock_wall());
			printf(
			    sk_tr(a->lang,
			          N_("%s: ledger and keys. It opens everything: keep it like the keys themselves.\n")),
			    path);
		}
		status = r < 0 ? sk_admin_fail(a, &err) : 0;
	}
	sk_store_files_free(files, N_KEYS);
	return files == NULL ? 1 : status;
}

static int restore(struct sk_admin *a, const char *backup, bool force, sk_ms *until, struct sk_err *err)
{
	const char *dir = a->config.state_dir;
	struct sk_store_file *files = NULL;
	struct sk_store *store = NULL;
	char fresh[400];
	size_t n = 0;
	int r = sk_mkdir_p(dir, 0700), lock;

	if (r < 0)
		return sk_err_set(err, r, "%s: cannot be made: %s", dir, strerror(-r));
	if (a->config.store_url[0] != '\0')
		return sk_err_set(err, -EOPNOTSUPP,
		                  "[store] url is set: restore without it, into SQLite, then: sekimori-server migrate");
	lock = sk_serve_lock(&a->config, err);
	if (lock < 0)
		return lock;
	r = sk_restore_begin(dir, fresh, sizeof(fresh), err);
	if (r == 0 && (r = sk_store_restore(backup, fresh, &files, &n, err)) == 0 &&
	    (r = sk_store_open(fresh, false, &store, err)) == 0)
		r = sk_store_restored(store, &a->by, backup, sk_clock_wall(), until, err);
	store = sk_store_close(store); /* whole in one file now: what is moved into place has no log beside it */
	if (r == 0)
		r = sk_restore_files(dir, files, n, err);
	if (r == 0 && !force)
		r = sk_restore_vacant(dir, err);
	if (r == 0)
		r = sk_restore_commit(dir, (long long)time(NULL), err);
	if (r == 0)
		r = sk_restore_finish(dir, err);
	else
		sk_restore_abandon(dir);
	sk_store_files_free(files, n);
	close(lock);
	return r < 0 ? r : 0;
}

int sk_admin_restore(struct sk_admin *a)
{
	struct sk_err err = SK_ERR_INIT;
	const char *path = NULL;
	bool force = false;
	char time[32];
	sk_ms until = 0;
	const struct sk_option options[] = {{"--force", NULL, &force, false}, {NULL, NULL, NULL, false}};
	int status = sk_admin_options(a, options, &path, 1, 1);

	if (status != 0)
		return status;
	if (restore(a, path, force, &until, &err) < 0)
		return sk_admin_fail(a, &err);
	printf(sk_tr(a->lang, N_("%s: restored; every chain in it is unbroken. Terminals send again what is newer.\n")),
	       path);
	sk_clock_format_local(until, time, sizeof(time));
	printf(
	    sk_tr(a->lang,
	          N_("The newest record in it is of %s. What was done on the server after that is lost: REPEAT every "
	             "revocation of a terminal, every disabling of a user and every cancellation of a permission made "
	             "since then, before the service is started.\n")),
	    time);
	printf("%s\n", sk_tr(a->lang, N_("Open enrolment tokens were revoked and all sessions ended; policies and "
	                                 "permissions are issued to every terminal anew.")));
	return 0;
}
