/* The installation's keys: made once, kept, refused when something about them is not right. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "server/ca.h"

#define DAY ((sk_ms)86400000)

static struct sk_server_config config;
static char top[] = "/tmp/sekimori-ca-XXXXXX";

static void setup(void)
{
	cr_assert_not_null(mkdtemp(top));
	sk_server_config_default(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s/state", top);
	snprintf(config.name, sizeof(config.name), "kanri.example");
}

static void teardown(void)
{
	DIR *d = opendir(config.state_dir);
	struct dirent *e;
	char path[600];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", config.state_dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(config.state_dir);
	rmdir(top);
}

static int init(struct sk_err *err)
{
	struct sk_buf made;
	int r, n = 0;

	sk_buf_init(&made, 8192);
	r = sk_ca_init(&config, sk_clock_wall(), &made, err);
	for (const char *p = made.data; *p != '\0'; p++)
		n += *p == '\n';
	sk_buf_deinit(&made);
	return r < 0 ? r : n;
}

static char *path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/%s", config.state_dir, name);
	return path;
}

Test(ca, made_once, .init = setup, .fini = teardown)
{
	static const char *const names[] = {"ca.key", "ca.pem", "server.key", "server.pem", "sign.key", "sign.pub"};
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *a = NULL, *b = NULL;
	struct stat st;

	cr_assert_eq(init(&err), 6, "%s", err.text);
	cr_assert_eq(stat(config.state_dir, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700);
	for (size_t i = 0; i < 6; i++) {
		cr_assert_eq(stat(path_of(names[i]), &st), 0);
		cr_assert_eq(st.st_mode & 0777, 0600, "%s", names[i]);
	}
	cr_assert_eq(sk_ca_load(config.state_dir, &a, &err), 0, "%s", err.text);
	cr_assert_eq(init(&err), 0);
	cr_assert_eq(sk_ca_load(config.state_dir, &b, &err), 0);
	cr_assert_str_eq(sk_ca_fingerprint(a), sk_ca_fingerprint(b));
	cr_assert_str_eq(sk_ca_verify_key(a), sk_ca_verify_key(b));
	cr_assert_str_neq(sk_ca_server_key(a), sk_ca_cert(a));
	sk_ca_free(a);
	sk_ca_free(b);
	sk_ca_free(NULL);
}

Test(ca, init_goes_on_where_it_was_stopped, .init = setup, .fini = teardown)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *a = NULL;

	cr_assert_eq(init(&err), 6);
	unlink(path_of("ca.pem"));
	unlink(path_of("server.pem"));
	unlink(path_of("sign.pub"));
	cr_assert_eq(init(&err), 3, "%s", err.text);
	cr_assert_eq(sk_ca_load(config.state_dir, &a, &err), 0, "%s", err.text);
	sk_ca_free(a);
}

Test(ca, never_a_second_authority, .init = setup, .fini = teardown)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(init(&err), 6);
	unlink(path_of("ca.key"));
	cr_assert_eq(init(&err), -ENOENT);
	cr_assert(strstr(err.text, "backup") != NULL);
}

Test(ca, open_folder_and_files_are_refused, .init = setup, .fini = teardown)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *a = NULL;

	cr_assert_eq(init(&err), 6);
	chmod(path_of("ca.key"), 0640);
	cr_assert_eq(sk_ca_load(config.state_dir, &a, &err), -EPERM);
	cr_assert_null(a);
	chmod(path_of("ca.key"), 0600);
	chmod(config.state_dir, 0755);
	cr_assert_eq(init(&err), -EPERM);
	chmod(config.state_dir, 0700);
}

static void replace(const char *name, const char *text)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_file_write(path_of(name), text, strlen(text), 0600, &err), 0);
}

Test(ca, damaged_files_are_refused, .init = setup, .fini = teardown)
{
	static const char *const names[] = {"ca.pem", "server.pem", "sign.key", "sign.pub"};
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *a = NULL;
	struct sk_buf keep;

	cr_assert_eq(init(&err), 6);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sk_buf_init(&keep, 65536);
		cr_assert_eq(sk_file_read(path_of(names[i]), &keep, &err), 0);
		replace(names[i], "not a key");
		cr_assert_lt(sk_ca_load(config.state_dir, &a, &err), 0, "%s", names[i]);
		unlink(path_of(names[i]));
		cr_assert_lt(sk_ca_load(config.state_dir, &a, &err), 0, "%s", names[i]);
		replace(names[i], keep.data);
		sk_buf_deinit(&keep);
	}
	cr_assert_eq(sk_ca_load(config.state_dir, &a, &err), 0);
	sk_ca_free(a);
}

Test(ca, issues_for_the_key_in_the_request_only, .init = setup, .fini = teardown)
{
	static const char id[] = "00000000-0000-4000-8000-000000000001",
	                  other[] = "00000000-0000-4000-8000-000000000002";
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf key, csr, cert;
	struct sk_x509_info info;
	struct sk_ca *ca = NULL;
	sk_ms now = sk_clock_wall();

	cr_assert_eq(init(&err), 6);
	cr_assert_eq(sk_ca_load(config.state_dir, &ca, &err), 0);
	sk_buf_init(&key, 16384);
	sk_buf_init(&csr, 16384);
	sk_buf_init(&cert, 16384);
	cr_assert_eq(sk_x509_key_generate(&key), 0);
	cr_assert_eq(sk_x509_csr(key.data, other, &csr, &err), 0); /* asks for another name */
	cr_assert_eq(sk_ca_issue(ca, csr.data, csr.len, id, now, 90, &cert, &info, &err), 0, "%s", err.text);
	cr_assert_str_eq(info.device, id, "the server names, not the request");
	cr_assert_leq(info.from, now);
	cr_assert_geq(info.until, now + 90 * DAY - 1000);
	cr_assert_leq(info.until, now + 90 * DAY);
	cr_assert_eq(sk_ca_issue(ca, "x", 1, id, now, 90, &cert, &info, &err), -EINVAL);
	cr_assert_eq(sk_ca_issue(ca, csr.data, csr.len / 2, id, now, 90, &cert, &info, &err), -EINVAL);
	sk_buf_deinit(&key);
	sk_buf_deinit(&csr);
	sk_buf_deinit(&cert);
	sk_ca_free(ca);
}

Test(ca, server_certificate_follows_name_and_time, .init = setup, .fini = teardown)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_ca *ca = NULL;
	sk_ms now = sk_clock_wall();

	cr_assert_eq(init(&err), 6);
	cr_assert_eq(sk_ca_load(config.state_dir, &ca, &err), 0);
	cr_assert_eq(sk_ca_renew_server(&config, ca, now, &err), 0, "%s", err.text);
	snprintf(config.more_names, sizeof(config.more_names), "10.0.2.100 other.example");
	cr_assert_eq(sk_ca_renew_server(&config, ca, now, &err), 1, "%s", err.text);
	cr_assert_eq(sk_ca_renew_server(&config, ca, now, &err), 0);
	cr_assert_eq(sk_ca_renew_server(&config, ca, now + 300 * DAY, &err), 1);
	sk_ca_free(ca);
	cr_assert_eq(sk_ca_load(config.state_dir, &ca, &err), 0, "%s", err.text);
	sk_ca_free(ca);
}
