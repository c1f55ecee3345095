/* See checkpoint_read.h. */
#include "server/checkpoint_read.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

static bool is_hash(const char *s)
{
	uint8_t raw[SK_SHA256_LEN];

	return s != NULL && sk_unhex(s, raw, sizeof(raw)) == 0;
}

int sk_checkpoint_read(const char *envelope, const struct sk_verify_key *key, struct sk_checkpoint *out,
                       struct sk_err *err)
{
	struct sk_bundle b;
	const char *head = NULL;
	long long records = 0;
	int r = envelope == NULL ? -EINVAL : sk_statement_open(key, envelope, strlen(envelope), &b, err);

	if (r < 0)
		return r;
	if (strcmp(b.kind, SK_CHECKPOINT_KIND) != 0 || strcmp(b.device, SK_NO_DEVICE) != 0 ||
	    sk_json_int(b.body, "records", 1, INT64_MAX, &records, err) < 0 || records != b.version ||
	    sk_json_str(b.body, "head", 64, 64, &head, err) < 0 || !is_hash(head)) {
		r = -EINVAL;
	} else {
		out->records = records;
		sk_text_copy(out->head, sizeof(out->head), head);
	}
	sk_bundle_clear(&b);
	return r;
}

int sk_checkpoint_noted(const char *text, struct sk_checkpoint *out)
{
	const char *colon = strchr(text, ':');
	unsigned long long records;
	char number[24];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(number) || !is_hash(colon + 1))
		return -EINVAL;
	memcpy(number, text, (size_t)(colon - text));
	number[colon - text] = '\0';
	if (sk_text_u64(number, 1, INT64_MAX, &records) < 0)
		return -EINVAL;
	out->records = (int64_t)records;
	sk_text_copy(out->head, sizeof(out->head), colon + 1);
	return 0;
}

int sk_checkpoint_finding(json_t *findings, const char *chain, int64_t records, const char *state, int64_t at)
{
	int broken = strcmp(state, "ok") != 0;

	if (json_array_append_new(findings, json_pack("{s:s,s:s,s:I,s:s,s:I}", "chain", chain, "host", "", "records",
	                                              (json_int_t)records, "state", state, "at",
	                                              (json_int_t)(broken ? at : 0))) != 0)
		return -ENOMEM;
	return broken;
}
