/* A folder of its own for each test, and a sekimorid without gate and sockets whose parts are real. */
#ifndef TESTS_AGENT_HELP_H
#define TESTS_AGENT_HELP_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/uplink_socket.h"
#include "common/bundle.h"
#include "common/file.h"

#define HELP __attribute__((unused)) static

static char dir[200];

HELP void make_dir(void)
{
	snprintf(dir, sizeof dir, "/tmp/sekimori-test-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

HELP void remove_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[500];

	while (d && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' || (e->d_name[1] && e->d_name[1] != '.'))
			if (unlink(path) < 0)
				(void)rmdir(path);
	}
	if (d)
		closedir(d);
	(void)rmdir(dir);
}

HELP const char *in_dir(const char *name)
{
	static char path[4][300];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

HELP void put_file(const char *name, const char *text)
{
	cr_assert_eq(sk_file_write(in_dir(name), text, strlen(text), 0600, NULL), 0);
}

HELP int count_files(const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += !strncmp(e->d_name, prefix, strlen(prefix));
	if (d)
		closedir(d);
	return n;
}

static const char GOOD_POLICY[] =
    "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
    "contact_ja = x\ncontact_en = x\n[rule hubs]\nkind = hub\naction = allow\n";

/* --- bundles --- */

#define DEVICE "11111111-2222-4333-8444-555555555555"
#define OTHER  "99999999-2222-4333-8444-555555555555"

static struct sk_sign_key *signer;
static char *signer_pem;

HELP void make_signer(void)
{
	struct sk_buf pem;

	cr_assert_eq(sk_sign_key_generate(&signer), 0);
	sk_buf_init(&pem, 4096);
	cr_assert_eq(sk_sign_key_public_pem(signer, &pem), 0);
	signer_pem = sk_buf_steal(&pem);
	sk_buf_deinit(&pem);
}

HELP void drop_signer(void)
{
	signer = sk_sign_key_free(signer);
	free(signer_pem);
	signer_pem = NULL;
}

HELP char *policy_bundle(const struct sk_sign_key *k, const char *device, int64_t version, const char *text)
{
	json_t *body = json_pack("{s:s}", "text", text);
	char *e = sk_bundle_sign(k, "policy", device, version, 1000000, 0, body);

	json_decref(body);
	cr_assert_not_null(e);
	return e;
}

HELP char *grants_bundle(const char *device, int64_t version, sk_ms expires, json_t *body)
{
	char *e = sk_bundle_sign(signer, "grants", device, version, 1000000, expires, body);

	json_decref(body);
	cr_assert_not_null(e);
	return e;
}

/* --- a daemon --- */

static struct sk_daemon daemon_under_test;

HELP struct sk_daemon *start_daemon(void)
{
	static const struct sk_holder_hooks none;
	struct sk_daemon *d = &daemon_under_test;
	struct sk_journal_options o = {.dir = dir, .device = SK_CHAIN_LOCAL};

	memset(d, 0, sizeof *d);
	make_dir();
	sk_agent_config_default(&d->config);
	snprintf(d->config.state, sizeof d->config.state, "%s", dir);
	snprintf(d->config.policy, sizeof d->config.policy, "%s/policy.ini", dir);
	put_file("policy.ini", GOOD_POLICY);
	cr_assert_geq(sd_event_new(&d->loop), 0);
	cr_assert_eq(sk_trust_load(dir, &d->trust, NULL), -ENOENT);
	cr_assert_eq(sk_journal_new(&o, &d->journal), 0);
	cr_assert_eq(sk_journal_open(d->journal, 1000, NULL), 0);
	sk_clock_trusted_init(&d->clock, 0, sk_clock_wall(), sk_clock_boot());
	cr_assert_eq(sk_holder_new(dir, d->config.policy, &none, &d->holder), 0);
	cr_assert_eq(sk_holder_load(d->holder, &d->trust, 1000, NULL), 0);
	cr_assert_eq(sk_notices_init(&d->notices, SK_LANG_EN), 0);
	cr_assert_eq(sk_uplink_face_new(d, &d->uplink), 0);
	return d;
}

HELP void stop_daemon(void)
{
	struct sk_daemon *d = &daemon_under_test;
	sd_event *loop = d->loop;

	sk_daemon_stop(d);
	sd_event_unref(loop);
	remove_dir();
}

#endif
