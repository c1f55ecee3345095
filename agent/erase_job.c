#include "agent/erase_job.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/i18n.h"

#define CHUNK   (1024 * 1024)
#define ALIGN   4096
#define TELL_MS 500

struct run {
	const struct sk_erase_job *job;
	struct sk_erase_result done;
	uint8_t key[32];
	uint8_t *want, *got; /* a chunk each */
	sk_ms told;
	const char *error;
	int number;
};

static void tell(struct run *r, bool now)
{
	char text[64];
	sk_ms t = sk_clock_boot();
	int n;

	if (r->job->progress < 0 || (!now && t < r->told + TELL_MS))
		return;
	r->told = t;
	n = snprintf(text, sizeof(text), "%020llu %020llu\n", (unsigned long long)r->done.written + r->done.verified,
	             2 * (unsigned long long)r->job->bytes);
	if (pwrite(r->job->progress, text, (size_t)n, 0) < 0)
		r->told = t + 60000; /* nobody can be told; it goes on */
}

static int failed(struct run *r, const char *why, int error)
{
	r->error = why;
	r->number = error;
	return -EIO;
}

static int write_all(int fd, const uint8_t *data, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_all(int fd, uint8_t *data, size_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static size_t chunk_at(const struct run *r, uint64_t at)
{
	return r->job->bytes - at < CHUNK ? (size_t)(r->job->bytes - at) : CHUNK;
}

static EVP_CIPHER_CTX *stream_new(const uint8_t key[32])
{
	static const uint8_t START[16];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c != NULL && EVP_EncryptInit_ex(c, EVP_aes_256_ctr(), NULL, key, START) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

static int stream_next(EVP_CIPHER_CTX *c, uint8_t *out, size_t len)
{
	int n = 0;

	(void)memset(out, 0, len);
	return EVP_EncryptUpdate(c, out, &n, out, (int)len) == 1 && (size_t)n == len ? 0 : -EIO;
}

/* What the medium reads as from `at` on must be what is in want. */
static int compare(struct run *r, uint64_t at, size_t len)
{
	int e = read_all(r->job->fd, r->got, len, at);

	if (e < 0)
		return failed(r, N_("the medium could not be read back"), e);
	if (memcmp(r->want, r->got, len) != 0)
		return failed(r, N_("what was read back is not what was written; the medium does not keep it"), 0);
	return 0;
}

static int overwrite_pass(struct run *r, EVP_CIPHER_CTX *stream)
{
	for (uint64_t at = 0; at < r->job->bytes;) {
		size_t len = chunk_at(r, at);
		int e = stream_next(stream, r->want, len);

		if (e == 0)
			e = write_all(r->job->fd, r->want, len, at);
		if (e < 0)
			return failed(r, N_("the medium could not be written to"), e);
		at += len;
		r->done.written = at;
		tell(r, false);
	}
	return fsync(r->job->fd) < 0 ? failed(r, N_("the medium could not be written to"), -errno) : 0;
}

static int verify_pass(struct run *r, EVP_CIPHER_CTX *stream)
{
	for (uint64_t at = 0; at < r->job->bytes;) {
		size_t len = chunk_at(r, at);

		if (stream != NULL && stream_next(stream, r->want, len) < 0)
			return failed(r, N_("the medium could not be read back"), -EIO);
		if (compare(r, at, len) < 0)
			return -EIO;
		at += len;
		r->done.verified = at;
		tell(r, false);
	}
	return 0;
}

/* Its first and last MiB as zeros: random bytes must not be taken for an encrypted container or a partition table. */
static int blank(struct run *r, uint64_t at)
{
	size_t len = chunk_at(r, at);
	int e;

	(void)memset(r->want, 0, len);
	e = write_all(r->job->fd, r->want, len, at);
	if (e == 0 && fsync(r->job->fd) < 0)
		e = -errno;
	return e < 0 ? failed(r, N_("the medium could not be written to"), e) : compare(r, at, len);
}

static int overwrite(struct run *r)
{
	EVP_CIPHER_CTX *stream = sk_random(r->key, sizeof(r->key)) == 0 ? stream_new(r->key) : NULL;
	uint64_t last = r->job->bytes > CHUNK ? (r->job->bytes - CHUNK + ALIGN - 1) / ALIGN * ALIGN : 0;
	int e;

	r->done.method = SK_ERASE_OVERWRITE;
	r->done.written = r->done.verified = 0;
	if (stream == NULL)
		return failed(r, N_("no random bytes to overwrite it with"), -EIO);
	e = overwrite_pass(r, stream);
	EVP_CIPHER_CTX_free(stream);
	stream = e == 0 ? stream_new(r->key) : NULL;
	if (e == 0 && stream == NULL)
		e = failed(r, N_("no random bytes to overwrite it with"), -EIO);
	if (e == 0)
		e = verify_pass(r, stream);
	EVP_CIPHER_CTX_free(stream);
	explicit_bzero(r->key, sizeof(r->key));
	if (e == 0)
		e = blank(r, 0);
	return e == 0 ? blank(r, last) : e;
}

/* Forgotten counts only when every byte reads as zero. */
static bool discarded(struct run *r)
{
	if (r->job->method != SK_ERASE_DISCARD || r->job->discard == NULL ||
	    r->job->discard(r->job->fd, r->job->bytes) < 0)
		return false;
	r->done.method = SK_ERASE_DISCARD;
	r->done.written = r->job->bytes;
	(void)memset(r->want, 0, CHUNK);
	if (verify_pass(r, NULL) == 0)
		return true;
	r->error = NULL;
	return false;
}

static json_t *report(const struct run *r)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:s*,s:s*}", "method", sk_erase_method_name(r->done.method), "bytes",
	                 (json_int_t)r->job->bytes, "written", (json_int_t)r->done.written, "verified",
	                 (json_int_t)r->done.verified, "error", r->error, "detail",
	                 r->number != 0 ? strerror(-r->number) : NULL);
}

json_t *sk_erase_undone(const char *why, int error)
{
	return json_pack("{s:s,s:i,s:i,s:i,s:s,s:s*}", "method", sk_erase_method_name(SK_ERASE_OVERWRITE), "bytes", 0,
	                 "written", 0, "verified", 0, "error", why, "detail", error != 0 ? strerror(-error) : NULL);
}

json_t *sk_erase_run(const struct sk_erase_job *job)
{
	struct run r = {.job = job, .done = {.method = job->method, .bytes = job->bytes}};
	json_t *a = NULL;

	if (posix_memalign((void **)&r.want, ALIGN, CHUNK) != 0)
		r.want = NULL;
	if (posix_memalign((void **)&r.got, ALIGN, CHUNK) != 0)
		r.got = NULL;
	if (r.want != NULL && r.got != NULL) {
		tell(&r, true);
		if (!discarded(&r))
			(void)overwrite(&r);
		tell(&r, true);
		a = report(&r);
	}
	free(r.want);
	free(r.got);
	return a;
}
