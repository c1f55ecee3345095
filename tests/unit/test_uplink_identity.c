/* The identity folder: whole sets only, one switch, nothing left of what failed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/uplink_identity.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/x509.h"

#define DEVICE "0e0f7a52-6a5c-4f3e-9a58-1a6f5a3d9b01"
#define OTHER  "0e0f7a52-6a5c-4f3e-9a58-1a6f5a3d9b02"
#define DAY    (86400 * 1000LL)

static char dir[64];
static struct sk_buf ca_key, ca, key, cert, key2, cert2;
static sk_ms now;

static void issue(struct sk_buf *k, struct sk_buf *c, const char *device, sk_ms from, sk_ms until)
{
	struct sk_buf csr;

	sk_buf_init(&csr, 16384);
	sk_buf_init(k, 16384);
	sk_buf_init(c, 16384);
	cr_assert_eq(sk_x509_key_generate(k), 0);
	cr_assert_eq(sk_x509_csr(k->data, DEVICE, &csr, NULL), 0);
	cr_assert_eq(sk_x509_issue_device(ca.data, ca_key.data, csr.data, device, from, until, c, NULL), 0);
	sk_buf_deinit(&csr);
}

static void setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sekimori-identity-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	now = sk_clock_wall();
	sk_buf_init(&ca_key, 16384);
	sk_buf_init(&ca, 16384);
	cr_assert_eq(sk_x509_key_generate(&ca_key), 0);
	cr_assert_eq(sk_x509_ca(ca_key.data, "Test", now - DAY, now + 900 * DAY, &ca, NULL), 0);
	issue(&key, &cert, DEVICE, now - DAY, now + 89 * DAY);
	issue(&key2, &cert2, DEVICE, now - DAY, now + 89 * DAY);
}

static void teardown(void)
{
	static const char *const FILES[] = {"key.pem",    "cert.pem", "ca.pem",     "key-2.pem",
	                                    "cert-2.pem", "ca-2.pem", "uplink.json"};
	struct sk_buf *const all[] = {&ca_key, &ca, &key, &cert, &key2, &cert2};

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, FILES[i]);
		(void)unlink(path);
		(void)rmdir(path);
	}
	cr_assert_eq(rmdir(dir), 0, "something was left in %s", dir);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sk_buf_deinit(all[i]);
}

static bool there(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void put(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(sk_file_write(path, text, strlen(text), 0600, NULL), 0);
}

static struct sk_identity make(int slot, struct sk_buf *k, struct sk_buf *c)
{
	struct sk_identity id = {.device = DEVICE, .slot = slot, .key = k->data, .cert = c->data, .ca = ca.data};

	cr_assert_eq(sk_url_parse("https://server:8443", &id.server, NULL), 0);
	return id;
}

Test(uplink_identity, store_load_and_switch, .init = setup, .fini = teardown)
{
	struct sk_identity id = make(sk_identity_free_slot(dir), &key, &cert), got = {.slot = 0};
	struct stat st;
	char path[128];

	cr_assert_eq(sk_identity_load(dir, &got, NULL), -ENOENT);
	cr_assert_eq(id.slot, 1);
	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	cr_assert_str_eq(got.device, DEVICE);
	cr_assert_str_eq(got.server.text, "https://server:8443");
	cr_assert_str_eq(got.key, key.data);
	cr_assert_lt(llabs(got.until - (now + 89 * DAY)), 1001);
	(void)snprintf(path, sizeof(path), "%s/key.pem", dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	sk_identity_clear(&got);
	cr_assert_null(got.key);

	id = make(sk_identity_free_slot(dir), &key2, &cert2);
	cr_assert_eq(id.slot, 2);
	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	cr_assert_str_eq(got.key, key2.data);
	cr_assert_not(there("key.pem"), "the old key is gone");
	cr_assert_eq(sk_identity_free_slot(dir), 1);
	sk_identity_clear(&got);
}

Test(uplink_identity, a_store_that_fails_changes_nothing, .init = setup, .fini = teardown)
{
	struct sk_identity id = make(1, &key, &cert), next = make(2, &key2, &cert2), got = {.slot = 0};
	struct sk_err err = SK_ERR_INIT;
	char path[128];

	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s/ca-2.pem", dir);
	cr_assert_eq(mkdir(path, 0700), 0); /* the third file cannot be put there */
	cr_assert_lt(sk_identity_store(dir, &next, &err), 0);
	cr_assert_neq(err.text[0], '\0');
	cr_assert_not(there("key-2.pem"));
	cr_assert_not(there("cert-2.pem"));
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	cr_assert_str_eq(got.key, key.data);
	sk_identity_clear(&got);
}

/* As after a crash at each point of a renewal: what uplink.json names is whole. */
Test(uplink_identity, half_written_slots_do_no_harm, .init = setup, .fini = teardown)
{
	struct sk_identity id = make(1, &key, &cert), got = {.slot = 0};

	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	put("key-2.pem", key2.data);
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	sk_identity_clear(&got);
	put("cert-2.pem", "half");
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	sk_identity_clear(&got);
	id = make(2, &key2, &cert2);
	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	put("key.pem", key.data); /* switched, and the old one not wiped yet */
	cr_assert_eq(sk_identity_load(dir, &got, NULL), 0);
	cr_assert_str_eq(got.cert, cert2.data);
	sk_identity_clear(&got);
}

Test(uplink_identity, load_refuses_what_does_not_belong_together, .init = setup, .fini = teardown)
{
	static const char *const INDEX[] = {
	    "",
	    "{}",
	    "[]",
	    "{\"server\":\"https://a\",\"device_id\":\"" DEVICE "\"}",
	    "{\"server\":\"http://a\",\"device_id\":\"" DEVICE "\",\"slot\":1}",
	    "{\"server\":\"https://a\",\"device_id\":\"" DEVICE "\",\"slot\":3}",
	    "{\"server\":\"https://a\",\"device_id\":\"" DEVICE "\",\"slot\":0}",
	    "{\"server\":\"https://a\",\"device_id\":\"../../../../../../../../etc/passwd-1\",\"slot\":1}",
	    "{\"server\":\"https://a\",\"device_id\":\"" OTHER "\",\"slot\":1}",
	};
	struct sk_identity id = make(1, &key, &cert), got = {.slot = 0};

	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0);
	put("key.pem", key2.data);
	cr_assert_lt(sk_identity_load(dir, &got, NULL), 0, "a key of another certificate");
	put("key.pem", "");
	cr_assert_lt(sk_identity_load(dir, &got, NULL), 0);
	put("key.pem", key.data);
	for (size_t i = 0; i < sizeof(INDEX) / sizeof(INDEX[0]); i++) {
		struct sk_err err = SK_ERR_INIT;
		int r;

		put("uplink.json", INDEX[i]);
		r = sk_identity_load(dir, &got, &err);
		cr_assert(r < 0 && r != -ENOENT, "%s", INDEX[i]);
		cr_assert_neq(err.text[0], '\0', "%s", INDEX[i]);
		cr_assert_eq(got.slot, 0);
	}
	id = make(1, &key, &cert);
	cr_assert_eq(sk_identity_store(dir, &id, NULL), 0, "a damaged one can be replaced");
	(void)unlink(dir);
	{
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/cert.pem", dir);
		(void)unlink(path);
	}
	cr_assert(sk_identity_load(dir, &got, NULL) != -ENOENT, "half of it missing is not the same as not enrolled");
}

Test(uplink_identity, check, .init = setup, .fini = teardown)
{
	struct sk_buf ca2_key, ca2, k, c;
	sk_ms from = 0, until = 0;

	sk_buf_init(&ca2_key, 16384);
	sk_buf_init(&ca2, 16384);
	cr_assert_eq(sk_x509_key_generate(&ca2_key), 0);
	cr_assert_eq(sk_x509_ca(ca2_key.data, "Test", now - DAY, now + 900 * DAY, &ca2, NULL), 0);
	cr_assert_eq(sk_identity_check(key.data, cert.data, ca.data, DEVICE, now, &from, &until, NULL), 0);
	cr_assert_lt(sk_identity_check(key2.data, cert.data, ca.data, DEVICE, now, &from, &until, NULL), 0,
	             "another key");
	cr_assert_lt(sk_identity_check(key.data, cert.data, ca2.data, DEVICE, now, &from, &until, NULL), 0,
	             "another CA of that name");
	cr_assert_lt(sk_identity_check(key.data, cert.data, ca.data, OTHER, now, &from, &until, NULL), 0,
	             "another device");
	cr_assert_lt(sk_identity_check(key.data, cert.data, ca.data, DEVICE, now + 90 * DAY, &from, &until, NULL), 0,
	             "expired");
	cr_assert_lt(sk_identity_check(key.data, cert.data, ca.data, DEVICE, now - 2 * DAY, &from, &until, NULL), 0,
	             "not yet");
	cr_assert_eq(sk_identity_check(key.data, cert.data, ca.data, DEVICE, 0, &from, &until, NULL), 0, "whenever");
	cr_assert_lt(sk_identity_check(key.data, ca.data, ca.data, DEVICE, now, &from, &until, NULL), 0,
	             "the CA itself");
	cr_assert_lt(sk_identity_check("", "", "", DEVICE, now, &from, &until, NULL), 0);
	cr_assert_lt(sk_identity_check(cert.data, key.data, ca.data, DEVICE, now, &from, &until, NULL), 0, "mixed up");
	issue(&k, &c, OTHER, now - DAY, now + DAY);
	cr_assert_lt(sk_identity_check(k.data, c.data, ca.data, DEVICE, now, &from, &until, NULL), 0);
	sk_buf_deinit(&k);
	sk_buf_deinit(&c);
	sk_buf_deinit(&ca2_key);
	sk_buf_deinit(&ca2);
}
