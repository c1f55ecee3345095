/* The audit trail against what others hold of it: cut, bent, exported and read again with the public key alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "server/checkpoint.h"
#include "tests/unit/store_help.h"

static struct sk_sign_key *key;
static struct sk_verify_key *pub;

static struct sk_verify_key *public_of(const struct sk_sign_key *k)
{
	struct sk_verify_key *out = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	cr_assert_eq(sk_sign_key_public_pem(k, &b), 0);
	cr_assert_eq(sk_verify_key_load(b.data, b.len, &out, NULL), 0);
	sk_buf_deinit(&b);
	return out;
}

static struct sk_store *begin(void)
{
	cr_assert_eq(sk_sign_key_generate(&key), 0);
	pub = public_of(key);
	return help_store();
}

static void end(struct sk_store *s)
{
	help_close(s);
	sk_sign_key_free(key);
	sk_verify_key_free(pub);
}

static void lines(struct sk_store *s, int n)
{
	struct sk_actor by = help_admin();

	for (int i = 0; i < n; i++)
		cr_assert_eq(sk_store_audit(s, &by, "policy.set", "x", NULL, T0 + i), 0);
}

static const char *state(struct sk_store *s)
{
	static char text[16];
	json_t *f = json_array();

	cr_assert_geq(sk_checkpoint_verify(s, pub, f), 0);
	snprintf(text, sizeof(text), "%s", help_text(json_array_get(f, 0), "state"));
	json_decref(f);
	return text;
}

static void evil(struct sk_store *s, const char *sql)
{
	(void)s;
	behind(help_path, sql);
}

Test(checkpoint, a_statement_is_no_order_and_an_order_no_statement)
{
	static const char nobody[] = "00000000-0000-0000-0000-000000000000";
	json_t *body = json_pack("{s:i}", "records", 1);
	struct sk_store *s = begin();
	struct sk_bundle b;
	char *text = sk_bundle_sign(key, "checkpoint", nobody, 1, T0, 0, body);

	cr_assert_eq(sk_bundle_open(pub, text, strlen(text), &b, NULL), -EINVAL);
	cr_assert_eq(sk_statement_open(pub, text, strlen(text), &b, NULL), 0);
	sk_bundle_clear(&b);
	free(text);
	text = sk_bundle_sign(key, "grants", nobody, 1, T0, 0, body);
	cr_assert_eq(sk_statement_open(pub, text, strlen(text), &b, NULL), -EINVAL);
	free(text);
	json_decref(body);
	end(s);
}

Test(checkpoint, made_when_due)
{
	struct sk_store *s = begin();

	lines(s, 3);
	cr_assert_eq(sk_checkpoint_tend(s, key, T0, false), 1);
	cr_assert_eq(sk_checkpoint_tend(s, key, T0 + 2 * SK_CHECKPOINT_EVERY, false), 0, "nothing new");
	lines(s, 1);
	cr_assert_eq(sk_checkpoint_tend(s, key, T0 + 1000, false), 0, "not due");
	cr_assert_eq(sk_checkpoint_tend(s, key, T0 + SK_CHECKPOINT_EVERY, false), 1);
	lines(s, SK_CHECKPOINT_LINES);
	cr_assert_eq(sk_checkpoint_tend(s, key, T0 + SK_CHECKPOINT_EVERY + 1, false), 1, "many lines");
	lines(s, 1);
	cr_assert_eq(sk_checkpoint_tend(s, key, 5, false), 1, "a clock that was set back");
	lines(s, 1);
	cr_assert_eq(sk_checkpoint_tend(s, key, 6, true), 1);
	cr_assert_str_eq(state(s), "ok");
	end(s);
}

Test(checkpoint, a_tail_that_was_cut_shows)
{
	struct sk_store *s = begin();
	char head[SK_SHA256_HEX], noted[120];
	json_t *f = NULL;
	int64_t n;

	lines(s, 5);
	cr_assert_eq(sk_store_audit_head(s, &n, head), 0);
	snprintf(noted, sizeof(noted), "%lld:%s", (long long)n, head);
	cr_assert_eq(sk_checkpoint_tend(s, key, T0, true), 1);
	behind_disarm(help_path, "audit");
	evil(s, "DELETE FROM audit WHERE id > (SELECT max(id) - 2 FROM audit)");
	cr_assert_eq(sk_store_verify(s, &f, NULL), 0, "the chain itself is whole");
	json_decref(f);
	cr_assert_str_eq(state(s), "cut");
	lines(s, 2); /* written on: now as long as before */
	cr_assert_str_eq(state(s), "forged");
	behind_disarm(help_path, "checkpoints");
	evil(s, "DELETE FROM checkpoints");
	cr_assert_str_eq(state(s), "ok", "who holds the ledger can take its checkpoints too");
	f = json_array();
	cr_assert_eq(sk_checkpoint_known(s, noted, f), 1, "but not those that others noted");
	cr_assert_str_eq(help_text(json_array_get(f, 0), "state"), "forged");
	cr_assert_eq(sk_checkpoint_known(s, "7:xyz", f), -EINVAL);
	cr_assert_eq(sk_checkpoint_known(s, "0:", f), -EINVAL);
	json_decref(f);
	end(s);
}

Test(checkpoint, another_keys_checkpoint_is_none)
{
	struct sk_store *s = begin();
	struct sk_sign_key *other = NULL;

	lines(s, 2);
	cr_assert_eq(sk_sign_key_generate(&other), 0);
	cr_assert_eq(sk_checkpoint_tend(s, other, T0, true), 1);
	cr_assert_str_eq(state(s), "signature");
	sk_sign_key_free(other);
	end(s);
}

static char *export(struct sk_store *s, size_t *len)
{
	char *text = NULL;
	struct sk_err err = SK_ERR_INIT;
	FILE *out = open_memstream(&text, len);

	cr_assert_eq(sk_export_write(s, key, T0 + 9, out, &err), 0, "%s", err.text);
	fclose(out);
	return text;
}

/* Broken chains, or negative; states as "chain=state " in found. */
static int reread(const char *text, size_t len, const char *noted, char found[400])
{
	FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
	struct sk_err err = SK_ERR_INIT;
	json_t *findings = NULL, *f;
	size_t i, at = 0;
	int r = sk_export_verify(in, pub, noted, &findings, &err);

	fclose(in);
	found[0] = '\0';
	json_array_foreach(findings, i, f)
	{
		at += (size_t)snprintf(found + at, 400 - at, "%.12s=%s ", help_text(f, "chain"), help_text(f, "state"));
	}
	json_decref(findings);
	return r;
}

static struct sk_store *filled(void)
{
	struct sk_store *s = begin();

	for (int i = 1; i <= 2; i++) {
		struct chain c = help_terminal(s, i, "zeimu");

		for (int k = 0; k < 3; k++) {
			struct sk_event e = help_event(&c, "device.decided", "{\"verdict\":\"deny\"}");
			enum sk_chain_result chain;
			int64_t acked;

			cr_assert_eq(sk_store_events_put(s, c.id, &e, 1, T0, &acked, &chain, NULL), 0);
			sk_event_clear(&e);
		}
	}
	cr_assert_eq(sk_checkpoint_tend(s, key, T0, true), 1);
	lines(s, 4);
	return s;
}

Test(checkpoint, an_export_verifies_offline)
{
	struct sk_store *s = filled();
	size_t len;
	char *text = export(s, &len), found[400], head[SK_SHA256_HEX], noted[120];
	int64_t n;

	cr_assert_eq(reread(text, len, NULL, found), 0, "%s", found);
	cr_assert_not_null(strstr(found, "audit=ok"));
	cr_assert_not_null(strstr(found, "checkpoints=ok"));
	cr_assert_not_null(strstr(found, "seal=ok"));
	cr_assert_not_null(strstr(found, "00000000-000=ok 00000000-000=ok"));
	cr_assert_eq(sk_store_audit_head(s, &n, head), 0);
	snprintf(noted, sizeof(noted), "%lld:%s", (long long)n, head);
	cr_assert_eq(reread(text, len, noted, found), 0, "%s", found);
	snprintf(noted, sizeof(noted), "%lld:%s", (long long)n - 1, head);
	cr_assert_gt(reread(text, len, noted, found), 0, "%s", found);
	cr_assert_not_null(strstr(found, "checkpoints=forged"));
	snprintf(noted, sizeof(noted), "%lld:%s", (long long)n + 1, head);
	cr_assert_gt(reread(text, len, noted, found), 0, "%s", found);
	cr_assert_not_null(strstr(found, "checkpoints=cut"));
	free(text);
	end(s);
}

/* Any byte changed, any line left out, cut at any line: never "nothing broken". */
Test(checkpoint, nothing_in_an_export_can_be_changed_unseen, .timeout = 120)
{
	struct sk_store *s = filled();
	size_t len;
	char *text = export(s, &len), *copy = malloc(len + 1), found[400];

	for (size_t i = 0; i < len; i += 7) {
		memcpy(copy, text, len);
		copy[i] = (char)(copy[i] == 'a' ? 'b' : 'a');
		if (copy[i] != text[i])
			cr_assert_neq(reread(copy, len, NULL, found), 0, "byte %zu", i);
	}
	for (size_t i = 0; i < len; i++) {
		size_t line = (size_t)((char *)memchr(text + i, '\n', len - i) - (text + i)) + 1;

		if (i > 0 && text[i - 1] != '\n')
			continue;
		memcpy(copy, text, i);
		memcpy(copy + i, text + i + line, len - i - line);
		cr_assert_neq(reread(copy, len - line, NULL, found), 0, "line at %zu left out", i);
		if (i > 0)
			cr_assert_neq(reread(text, i, NULL, found), 0, "cut at %zu", i);
	}
	cr_assert_lt(reread("x\n", 2, NULL, found), 0);
	cr_assert_lt(reread("{}\n", 3, NULL, found), 0);
	cr_assert_lt(reread("{\"format\":\"other\"}\n", 19, NULL, found), 0);
	free(copy);
	free(text);
	end(s);
}
