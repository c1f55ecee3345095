/* seal.key: 32 bytes. Read when it is needed and wiped again. */
#include "agent/seal_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/daemon.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/log.h"

#define PUBLISHED "seal-key" /* in the journal's file: device id and public half */

static void path_of(char out[320], const char *dir)
{
	snprintf(out, 320, "%s/seal.key", dir);
}

/* out is locked in memory by the caller. */
static int load(const char *dir, uint8_t out[SK_SEAL_KEY], struct sk_err *err)
{
	char path[320];
	struct sk_buf b;
	int r;

	path_of(path, dir);
	sk_buf_init(&b, SK_SEAL_KEY + 1);
	r = sk_file_read(path, &b, err);
	if (r == 0 && b.len != SK_SEAL_KEY)
		r = sk_err_set(err, -EBADMSG, "%s: not a key; remove it, and a new one is made", path);
	if (r == 0)
		memcpy(out, b.data, SK_SEAL_KEY);
	if (b.data && b.len)
		explicit_bzero(b.data, b.len);
	sk_buf_deinit(&b);
	return r;
}

static int make(const char *dir, uint8_t out[SK_SEAL_KEY], struct sk_err *err)
{
	char path[320];

	path_of(path, dir);
	if (sk_random(out, SK_SEAL_KEY) < 0)
		return sk_err_set(err, -EIO, "no random bytes");
	return sk_file_write(path, out, SK_SEAL_KEY, 0600, err);
}

int sk_seal_key_public(const char *dir, uint8_t out[SK_SEAL_KEY], struct sk_err *err)
{
	uint8_t secret[SK_SEAL_KEY] = {0};
	int r;

	(void)mlock(secret, sizeof secret);
	r = load(dir, secret, err);
	if (r == -ENOENT)
		r = make(dir, secret, err);
	if (r == 0)
		sk_seal_public(secret, out);
	explicit_bzero(secret, sizeof secret);
	(void)munlock(secret, sizeof secret);
	return r;
}

int sk_seal_key_open(const char *dir, const char *device, const char *ledger, const char *sealed,
                     uint8_t out[SK_SEAL_KEY])
{
	uint8_t secret[SK_SEAL_KEY] = {0}, raw[SK_SEAL_KEY + SK_SEAL_MORE];
	char context[SK_SEAL_CONTEXT];
	int r;

	if (sk_unhex(sealed, raw, sizeof raw) < 0)
		return -EBADMSG;
	sk_seal_context_grant(context, device, ledger);
	(void)mlock(secret, sizeof secret);
	r = load(dir, secret, NULL);
	if (r == 0)
		r = sk_unseal(secret, context, raw, sizeof raw, out);
	explicit_bzero(secret, sizeof secret);
	(void)munlock(secret, sizeof secret);
	return r;
}

void sk_seal_key_publish(struct sk_daemon *d)
{
	char hex[2 * SK_SEAL_KEY + 1], said[SK_UUID_LEN + sizeof hex + 1];
	struct sk_err err = SK_ERR_INIT;
	uint8_t public[SK_SEAL_KEY];
	struct sk_buf before;
	int r;

	if (!d->trust.enrolled)
		return;
	r = sk_seal_key_public(d->config.state, public, &err);
	if (r < 0) {
		sk_log(SK_LOG_ERR, "sealing key: %s", err.text);
		return;
	}
	sk_hex(public, sizeof public, hex);
	snprintf(said, sizeof said, "%s %s", d->trust.device, hex);
	sk_buf_init(&before, sizeof said + 1);
	(void)sk_journal_meta_get(d->journal, PUBLISHED, &before);
	if (!before.len || strcmp(before.data, said) != 0) {
		json_t *body = json_pack("{s:s}", "key", hex);

		if (body && sk_daemon_record(d, "terminal.seal-key", body) == 0)
			(void)sk_journal_meta_set(d->journal, PUBLISHED, said);
		json_decref(body);
	}
	sk_buf_deinit(&before);
}
