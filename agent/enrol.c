/* The pure half of enrolment: the token, the answer, and what is said about each outcome. */
#include "agent/enrol.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "common/x509.h"

#define CLOCK_MOST (5 * 60 * 1000LL)

static const struct {
	const char *code, *text;
} RESULTS[SK_ENROL_RESULTS] = {
    [SK_ENROL_OK] = {"ok", N_("This terminal is enrolled.")},
    [SK_ENROL_TOKEN_MALFORMED] =
        {"token-malformed",
         N_("This is not an enrolment token. Copy it whole: it begins with SK1- and has 95 characters.")},
    [SK_ENROL_SERVER_MALFORMED] = {"server-malformed",
                                   N_("This is not a server's address. Write it as https://HOST:PORT.")},
    [SK_ENROL_ALREADY] = {"already-enrolled",
                          N_("This terminal is enrolled already. To enrol it anew with a new token, add --again.")},
    [SK_ENROL_STATE] = {"state", N_("The folder for the terminal's key cannot be used. Run this as root and look at "
                                    "its owner and the free space.")},
    [SK_ENROL_UNREACHABLE] =
        {"unreachable", N_("The server was not reached. Look at its address, the network cable and the firewall.")},
    [SK_ENROL_NOT_TRUSTED] = {"server-not-trusted", N_("The server is not the one this token is for, or not under this "
                                                       "name. Nothing was sent to it. Ask the helpdesk.")},
    [SK_ENROL_TOKEN_UNKNOWN] =
        {"token-unknown",
         N_("The server does not know this token. Look for a typing error, or ask the helpdesk for a new one.")},
    [SK_ENROL_TOKEN_USED] = {"token-used", N_("This token was used before; each serves once. If that was not you, tell "
                                              "the helpdesk at once; ask it for a new one.")},
    [SK_ENROL_TOKEN_EXPIRED] = {"token-expired", N_("This token has expired. Ask the helpdesk for a new one.")},
    [SK_ENROL_TOKEN_OTHER_HOST] =
        {"token-other-host",
         N_("This token is for another terminal. Ask the helpdesk for one with this terminal's name or asset number.")},
    [SK_ENROL_REFUSED] = {"refused", N_("The server refused the enrolment. Ask the helpdesk.")},
    [SK_ENROL_BUSY] = {"busy", N_("The server cannot enrol now. Try again in a few minutes; the token stays good.")},
    [SK_ENROL_BAD_ANSWER] = {"bad-answer", N_("The server's answer was not as it must be and was thrown away. Tell the "
                                              "helpdesk; the token may be spent.")},
    [SK_ENROL_CLOCK] = {"clock", N_("This terminal's clock is wrong, so that its certificate would not hold. Set the "
                                    "clock and ask for a new token.")},
    [SK_ENROL_INTERNAL] = {"internal", N_("Something in this terminal failed. See the log.")},
};

const char *sk_enrol_code(enum sk_enrol_result r)
{
	return RESULTS[r].code;
}

const char *sk_enrol_text(enum sk_enrol_result r, enum sk_lang lang)
{
	return sk_tr(lang, RESULTS[r].text);
}

/* Crockford's base32 as it is written, or 0. */
static char crockford(char c)
{
	c = (char)toupper((unsigned char)c);
	if (c == 'O')
		return '0';
	if (c == 'I' || c == 'L')
		return '1';
	return c != '\0' && strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", c) ? c : '\0';
}

int sk_token_parse(const char *typed, struct sk_token *out)
{
	struct sk_token t = {.text = ""};
	uint8_t bytes[SK_SHA256_LEN];
	size_t n = strlen(typed);

	while (n > 0 && isspace((unsigned char)typed[n - 1]))
		n--;
	while (n > 0 && isspace((unsigned char)*typed)) {
		typed++;
		n--;
	}
	if (n != SK_TOKEN_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		char c = typed[i];

		if (i < 4)
			c = (char)toupper((unsigned char)c) == "SK1-"[i] ? "SK1-"[i] : '\0';
		else if (i < 30)
			c = crockford(c);
		else if (i == 30)
			c = c == '-' ? c : '\0';
		else
			c = (char)tolower((unsigned char)c);
		if (c == '\0')
			return -EINVAL;
		t.text[i] = c;
	}
	memcpy(t.root, t.text + 31, 64);
	if (sk_unhex(t.root, bytes, sizeof(bytes)) < 0)
		return -EINVAL;
	*out = t;
	return 0;
}

static enum sk_enrol_result refusal(const struct sk_http_answer *a, enum sk_outcome outcome)
{
	char code[48], text[8];

	if (outcome == SK_OUT_NO_LINE)
		return a->untrusted ? SK_ENROL_NOT_TRUSTED : SK_ENROL_UNREACHABLE;
	if (outcome == SK_OUT_BUSY)
		return SK_ENROL_BUSY;
	if (sk_answer_words(a, code, sizeof(code), text, sizeof(text)) < 0)
		return outcome == SK_OUT_REFUSED ? SK_ENROL_REFUSED : SK_ENROL_BAD_ANSWER;
	for (int r = SK_ENROL_TOKEN_UNKNOWN; r <= SK_ENROL_TOKEN_OTHER_HOST; r++)
		if (outcome == SK_OUT_REFUSED && strcmp(code, RESULTS[r].code) == 0)
			return (enum sk_enrol_result)r;
	return SK_ENROL_REFUSED;
}

struct fields {
	const char *device, *certificate, *ca, *verify_key, *url;
	long long time;
};

static int read_fields(const json_t *doc, struct fields *f, struct sk_err *err)
{
	int r = sk_json_str(doc, "device_id", 36, 36, &f->device, err);

	if (r == 0 && !sk_text_is_id(f->device))
		r = sk_err_set(err, -EINVAL, "field device_id: no device's id");
	if (r == 0)
		r = sk_json_str(doc, "certificate", 64, 16 * 1024, &f->certificate, err);
	if (r == 0)
		r = sk_json_str(doc, "ca", 64, 16 * 1024, &f->ca, err);
	if (r == 0)
		r = sk_json_str(doc, "verify_key", 32, 4096, &f->verify_key, err);
	if (r == 0)
		r = sk_json_str(doc, "agents_url", 1, 300, &f->url, err);
	if (r == 0)
		r = sk_json_int(doc, "server_time", 0, 253402300799999LL, &f->time, err);
	return r;
}

static enum sk_enrol_result check_fields(const struct fields *f, const struct sk_token *token, const char *key,
                                         sk_ms now, struct sk_identity *id, struct sk_err *err)
{
	struct sk_verify_key *vk = NULL;
	struct sk_x509_info ca;
	long long off = f->time - now;

	if (sk_x509_info(f->ca, strlen(f->ca), &ca, err) < 0 || strcmp(ca.fingerprint, token->root) != 0)
		return sk_err_set(err, SK_ENROL_BAD_ANSWER, "field ca: not the CA that the token names");
	if (sk_verify_key_load(f->verify_key, strlen(f->verify_key), &vk, err) < 0)
		return sk_err_prefix(err, SK_ENROL_BAD_ANSWER, "field verify_key");
	sk_verify_key_free(vk);
	if (sk_url_parse(f->url, &id->server, err) < 0)
		return sk_err_prefix(err, SK_ENROL_BAD_ANSWER, "field agents_url");
	if (sk_identity_check(key, f->certificate, f->ca, f->device, f->time, &id->from, &id->until, err) < 0)
		return sk_err_prefix(err, SK_ENROL_BAD_ANSWER, "field certificate");
	if ((off > CLOCK_MOST || off < -CLOCK_MOST) && (now < id->from || now > id->until))
		return sk_err_set(err, SK_ENROL_CLOCK, "the clock is %lld s away from the server's", off / 1000);
	return SK_ENROL_OK;
}

enum sk_enrol_result sk_enrol_read(const struct sk_http_answer *a, const struct sk_token *token, const char *key,
                                   sk_ms now, struct sk_enrolment *out, struct sk_err *err)
{
	enum sk_outcome outcome = sk_answer_outcome(a, err);
	struct sk_enrolment e = {.verify_key = NULL};
	enum sk_enrol_result r;
	struct fields f = {0};
	json_t *doc = NULL;

	if (outcome != SK_OUT_OK)
		return refusal(a, outcome);
	if (sk_json_parse(a->body, a->len, 64 * 1024, &doc, err) < 0 || read_fields(doc, &f, err) < 0) {
		json_decref(doc);
		return sk_err_prefix(err, SK_ENROL_BAD_ANSWER, "the server's answer to the enrolment");
	}
	r = check_fields(&f, token, key, now, &e.id, err);
	if (r == SK_ENROL_OK) {
		sk_text_copy(e.id.device, sizeof(e.id.device), f.device);
		e.id.cert = strdup(f.certificate);
		e.id.ca = strdup(f.ca);
		e.verify_key = strdup(f.verify_key);
		if (!e.id.cert || !e.id.ca || !e.verify_key)
			r = SK_ENROL_INTERNAL;
	}
	json_decref(doc);
	if (r == SK_ENROL_OK)
		*out = e;
	else
		sk_enrolment_clear(&e);
	return r;
}

void sk_enrolment_clear(struct sk_enrolment *e)
{
	sk_identity_clear(&e->id);
	free(e->verify_key);
	e->verify_key = NULL;
}
