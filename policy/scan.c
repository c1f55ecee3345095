#include "policy/scan.h"

#include <errno.h>
#include <string.h>

#include "common/i18n.h"
#include "common/text.h"

#define MIB ((int64_t)1 << 20)
#define TIB ((int64_t)1 << 40)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void sk_scan_params_default(struct sk_scan_params *p)
{
	(void)memset(p, 0, sizeof(*p));
	sk_text_copy(p->socket, sizeof(p->socket), "/run/clamav/clamd.ctl");
	p->time_limit_s = 600;
	p->file_limit = 25 * MIB; /* clamd as Debian sets it up looks no further into a file */
	p->total_limit = TIB / 16;
}

int sk_scan_size(const char *s, int64_t min, int64_t max, int64_t *out)
{
	static const char units[] = "KMGT";
	unsigned long long v;
	char digits[24];
	size_t n = strlen(s);
	const char *unit = n > 1 ? strchr(units, s[n - 1]) : NULL;
	int shift = unit != NULL ? 10 * (int)(unit - units + 1) : 0;

	n -= unit != NULL ? 1 : 0;
	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	(void)memcpy(digits, s, n);
	digits[n] = '\0';
	if (sk_text_u64(digits, 0, (unsigned long long)(INT64_MAX >> shift), &v) < 0)
		return -EINVAL;
	if ((int64_t)(v << shift) < min || (int64_t)(v << shift) > max)
		return -ERANGE;
	*out = (int64_t)(v << shift);
	return 0;
}

/* ---- the policy's section ---- */

static int choice(const struct sk_ini *ini, const struct sk_ini_entry *e, const char *no, const char *yes, bool *out,
                  struct sk_err *err)
{
	bool is_yes = strcmp(e->value, yes) == 0;

	if (!is_yes && strcmp(e->value, no) != 0)
		return sk_ini_fail(ini, e->line, err, "%s: \"%s\" is not one of: %s %s", e->key, e->value, no, yes);
	*out = is_yes;
	return 0;
}

static int size_key(const struct sk_ini *ini, const struct sk_ini_entry *e, int64_t min, int64_t max, int64_t *out,
                    struct sk_err *err)
{
	if (sk_scan_size(e->value, min, max, out) < 0)
		return sk_ini_fail(ini, e->line, err, "%s: \"%s\" is no size like 25M or 64G within %lldM and %lldM",
		                   e->key, e->value, (long long)(min / MIB), (long long)(max / MIB));
	return 0;
}

static int socket_key(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_scan_params *p,
                      struct sk_err *err)
{
	if (e->value[0] != '/' || strlen(e->value) >= sizeof(p->socket))
		return sk_ini_fail(ini, e->line, err, "socket: must be an absolute path of at most %zu bytes",
		                   sizeof(p->socket) - 1);
	sk_text_copy(p->socket, sizeof(p->socket), e->value);
	return 0;
}

int sk_scan_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_scan_params *p,
                        struct sk_err *err)
{
	long long seconds;

	if (strcmp(e->key, "before_use") == 0)
		return choice(ini, e, "no", "yes", &p->before_use, err);
	if (strcmp(e->key, "unscannable") == 0)
		return choice(ini, e, "refuse", "allow-read-only", &p->unscannable_ro, err);
	if (strcmp(e->key, "socket") == 0)
		return socket_key(ini, e, p, err);
	if (strcmp(e->key, "file_limit") == 0)
		return size_key(ini, e, MIB, 4096 * MIB - 1, &p->file_limit, err);
	if (strcmp(e->key, "total_limit") == 0)
		return size_key(ini, e, MIB, 64 * TIB, &p->total_limit, err);
	if (strcmp(e->key, "time_limit") != 0)
		return sk_ini_fail(ini, e->line, err,
		                   "\"%s\" is no key of [scan]; known: before_use socket time_limit file_limit "
		                   "total_limit unscannable",
		                   e->key);
	if (sk_text_duration(e->value, 5, 12 * 3600, &seconds) < 0)
		return sk_ini_fail(ini, e->line, err, "time_limit: \"%s\" is no duration like 90s or 10m, 5s to 12h",
		                   e->value);
	p->time_limit_s = seconds;
	return 0;
}

/* ---- the scanner's words ---- */

static bool ends(const char *s, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	return len >= n && memcmp(s + len - n, tail, n) == 0;
}

static bool begins(const char *s, size_t len, const char *head)
{
	size_t n = strlen(head);

	return len >= n && memcmp(s, head, n) == 0;
}

static enum sk_scan_word found(const char *s, size_t len, char *signature, size_t size)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f) /* a signature's name has no blank */
			return SK_SCAN_GARBAGE;
	if (len == 0)
		return SK_SCAN_GARBAGE;
	if (begins(s, len, "Heuristics.Limits.Exceeded"))
		return SK_SCAN_BEYOND;
	if (begins(s, len, "Heuristics.Encrypted"))
		return SK_SCAN_ENCRYPTED;
	(void)sk_text_escape(signature, size, s, len);
	return SK_SCAN_FOUND;
}

enum sk_scan_word sk_scan_answer(const char *text, size_t len, char *signature, size_t size)
{
	static const char stream[] = "stream: ", limit[] = "INSTREAM size limit exceeded. ERROR";

	signature[0] = '\0';
	if (len > 0 && (text[len - 1] == '\0' || text[len - 1] == '\n'))
		len--;
	if (memchr(text, '\0', len) != NULL || memchr(text, '\n', len) != NULL)
		return SK_SCAN_GARBAGE; /* more than one answer */
	if (len == sizeof(limit) - 1 && memcmp(text, limit, len) == 0)
		return SK_SCAN_BEYOND;
	if (ends(text, len, " ERROR"))
		return SK_SCAN_ERROR;
	if (!begins(text, len, stream))
		return SK_SCAN_GARBAGE;
	text += sizeof(stream) - 1;
	len -= sizeof(stream) - 1;
	if (len == 2 && memcmp(text, "OK", 2) == 0)
		return SK_SCAN_CLEAN;
	return ends(text, len, " FOUND") ? found(text, len - 6, signature, size) : SK_SCAN_GARBAGE;
}

/* ---- what it means ---- */

static const char *const results[] = {"clean", "infected", "partly", "not-scanned"};

const char *sk_scan_result_name(enum sk_scan_result r)
{
	return (unsigned)r < COUNT(results) ? results[r] : "";
}

int sk_scan_result_parse(const char *name, enum sk_scan_result *out)
{
	for (size_t i = 0; name != NULL && i < COUNT(results); i++)
		if (strcmp(results[i], name) == 0) {
			*out = (enum sk_scan_result)i;
			return 0;
		}
	return -EINVAL;
}

static const struct {
	const char *reason, *text;
} whys[] = {
    {"absent", N_("the virus scanner does not run")},
    {"silent", N_("the virus scanner does not answer")},
    {"died", N_("the virus scanner broke off")},
    {"garbage", N_("the virus scanner gave an answer that makes no sense")},
    {"scanner-error", N_("the virus scanner reported an error")},
    {"blind", N_("the virus scanner does not find the test pattern")},
    {"time-limit", N_("the scan took longer than allowed")},
    {"total-limit", N_("there is more on it than may be scanned")},
    {"too-many", N_("it has too many files or folders within folders")},
    {"unreadable", N_("it could not be read to the end")},
    {"file-system", N_("its file system cannot be opened for the scan")},
    {"encrypted-medium", N_("it is encrypted and must be unlocked first")},
    {"file-limit", N_("a file is larger than the scanner takes")},
    {"scanner-limit", N_("a file is beyond the scanner's own limits")},
    {"encrypted", N_("a file is encrypted, so the scanner cannot look into it")},
    {"removed", N_("it was pulled out during the scan")},
    {"closed", N_("its permit ended during the scan")},
    {"helper", N_("the scanning process ended without an answer")},
};

const char *sk_scan_why(const char *reason)
{
	for (size_t i = 0; reason != NULL && i < COUNT(whys); i++)
		if (strcmp(whys[i].reason, reason) == 0)
			return whys[i].text;
	return NULL;
}

enum sk_scan_leave sk_scan_leave(const struct sk_scan_params *p, enum sk_scan_result r)
{
	if (r == SK_SCAN_IS_CLEAN)
		return SK_SCAN_OPEN;
	return r == SK_SCAN_IS_PARTLY && p->unscannable_ro ? SK_SCAN_OPEN_RO : SK_SCAN_SHUT;
}
