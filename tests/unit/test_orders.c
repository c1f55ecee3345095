/* Long-polls: what is new is told at once, one waits per terminal, and who waits is woken. */
#include <dirent.h>
#include <sqlite3.h>

#include "common/bundle.h"
#include "server/limiter.h"
#include "tests/unit/server_help.h"

static struct sk_server server;
static struct sk_server_config config;
static struct sk_orders *o;
static struct chain a, b;

static void setup(void)
{
	struct sk_err err = SK_ERR_INIT;

	server.base = event_base_new();
	server.store = help_store();
	server.config = &config;
	sk_server_config_default(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s/keys", help_dir);
	cr_assert_eq(sk_ca_init(&config, sk_clock_wall(), NULL, &err), 0, "%s", err.text);
	cr_assert_eq(sk_ca_load(config.state_dir, &server.ca, &err), 0, "%s", err.text);
	cr_assert_eq(sk_batch_new(server.base, server.store, &server.batch), 0);
	cr_assert_eq(sk_orders_new(&server, &o), 0);
	a = help_terminal(server.store, 1, "zeimu");
	b = help_terminal(server.store, 2, "shimin");
}

static void teardown(void)
{
	DIR *d;
	struct dirent *e;
	char path[600];

	sk_orders_free(o);
	sk_batch_free(server.batch);
	sk_ca_free(server.ca);
	d = opendir(config.state_dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", config.state_dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(config.state_dir);
	help_close(server.store);
	event_base_free(server.base);
}

/* The versions in an answer, opened with the server's public key as a terminal does. */
static void opened(const struct reply *p, const char *device, int64_t *policy, int64_t *grants)
{
	struct sk_verify_key *key = NULL;
	struct sk_err err = SK_ERR_INIT;
	const char *pem = sk_ca_verify_key(server.ca);
	json_t *one;
	size_t i;

	*policy = *grants = 0;
	cr_assert_eq(p->code, 200);
	cr_assert_eq(sk_verify_key_load(pem, strlen(pem), &key, &err), 0, "%s", err.text);
	json_array_foreach(json_object_get(p->body, "bundles"), i, one)
	{
		struct sk_bundle bundle;

		cr_assert_eq(sk_bundle_open(key, json_string_value(one), json_string_length(one), &bundle, &err), 0,
		             "%s", err.text);
		cr_assert_str_eq(bundle.device, device);
		*(strcmp(bundle.kind, "policy") == 0 ? policy : grants) = bundle.version;
		sk_bundle_clear(&bundle);
	}
	sk_verify_key_free(key);
}

static void wait_for(struct reply *p, const struct chain *c, int64_t policy, int64_t grants, int wait_s)
{
	sk_orders_wait(o, &p->r, c->id, policy, grants, wait_s);
}

Test(orders, what_is_new_is_told_at_once, .init = setup, .fini = teardown)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct reply p = {0};
	int64_t policy, grants;

	wait_for(&p, &a, 0, 0, 50);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(policy, 0, "no policy was set yet");
	cr_assert_eq(grants, 1);
	reply_clear(&p);
	cr_assert_eq(sk_store_policy_set(server.store, &by, "", "[policy]", &err), 0);
	wait_for(&p, &a, 0, 1, 50);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(policy, 1);
	cr_assert_eq(grants, 0);
	reply_clear(&p);
	wait_for(&p, &a, 1, 1, 0);
	cr_assert_eq(p.code, 204);
	cr_assert_eq(sk_orders_waiting(o), 0);
}

Test(orders, waits_and_ends, .init = setup, .fini = teardown)
{
	struct reply p = {0};

	wait_for(&p, &a, 0, 0, 1);
	reply_clear(&p);
	wait_for(&p, &a, 0, 1, 1);
	cr_assert_eq(p.code, 0);
	cr_assert_eq(sk_orders_waiting(o), 1);
	loop_for(server.base, 1200);
	cr_assert_eq(p.code, 204);
	cr_assert_eq(sk_orders_waiting(o), 0);
}

Test(orders, woken_by_name, .init = setup, .fini = teardown)
{
	struct reply p = {0}, q = {0};
	int64_t policy, grants;

	wait_for(&p, &a, 0, 0, 50);
	wait_for(&q, &b, 0, 0, 50);
	reply_clear(&p);
	reply_clear(&q);
	wait_for(&p, &a, 0, 1, 50);
	wait_for(&q, &b, 0, 1, 50);
	help_request(server.store, &a, "shokuin1", "ro", 8);
	sk_orders_wake(o, a.id);
	sk_orders_wake(o, b.id); /* nothing is new for it */
	sk_orders_wake(o, "nobody");
	cr_assert_eq(p.code, 0, "not from inside the call");
	loop_for(server.base, 50);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(grants, 2);
	cr_assert_eq(q.code, 0);
	cr_assert_eq(sk_orders_waiting(o), 1);
	reply_clear(&p);
	o = sk_orders_free(o); /* while q is there */
}

Test(orders, other_processes_are_noticed, .init = setup, .fini = teardown)
{
	struct sk_store *cli = NULL;
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct reply p = {0};
	int64_t policy, grants;

	cr_assert_eq(sk_store_open(help_path, false, &cli, &err), 0);
	wait_for(&p, &a, 0, 0, 50);
	reply_clear(&p);
	wait_for(&p, &a, 0, 1, 50);
	cr_assert_eq(sk_store_policy_set(cli, &by, "zeimu", "[policy]", &err), 0);
	loop_for(server.base, 1500);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(policy, 1);
	reply_clear(&p);
	sk_store_close(cli);
}

Test(orders, one_per_terminal, .init = setup, .fini = teardown)
{
	struct reply p = {0}, q = {0};

	wait_for(&p, &a, 0, 0, 50);
	reply_clear(&p);
	wait_for(&p, &a, 0, 1, 50);
	wait_for(&q, &a, 0, 1, 50);
	cr_assert_eq(p.code, 204);
	cr_assert_eq(q.code, 0);
	cr_assert_eq(sk_orders_waiting(o), 1);
	o = sk_orders_free(o);
}

Test(orders, gone_and_revoked, .init = setup, .fini = teardown)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct reply p = {0}, q = {0};

	wait_for(&p, &a, 0, 0, 50);
	wait_for(&q, &b, 0, 0, 50);
	reply_clear(&p);
	reply_clear(&q);
	wait_for(&p, &a, 0, 1, 50);
	wait_for(&q, &b, 0, 1, 50);
	sk_orders_wake(o, NULL);
	p.on_gone(&p.r, p.arg); /* woken and gone before it was looked at */
	cr_assert_eq(sk_orders_waiting(o), 1);
	cr_assert_eq(sk_store_terminal_revoke(server.store, &by, b.id, "lost", &err), 0);
	loop_for(server.base, 50);
	cr_assert_eq(p.code, 0);
	cr_assert_eq(q.code, 403);
	cr_assert_eq(sk_orders_waiting(o), 0);
	reply_clear(&q);
	wait_for(&p, &b, 0, 0, 50);
	cr_assert_eq(p.code, 403);
	reply_clear(&p);
}

Test(orders, a_crowd_is_looked_at_in_slices, .init = setup, .fini = teardown)
{
	static struct reply many[100];
	static struct chain c[100];
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	int told = 0;

	for (int i = 0; i < 100; i++) {
		c[i] = help_terminal(server.store, 10 + i, "zeimu");
		wait_for(&many[i], &c[i], 0, 0, 50);
		reply_clear(&many[i]);
		wait_for(&many[i], &c[i], 0, 1, 50);
	}
	cr_assert_eq(sk_orders_waiting(o), 100);
	cr_assert_eq(sk_store_policy_set(server.store, &by, "", "[policy]", &err), 0);
	sk_orders_wake(o, NULL);
	event_base_loop(server.base, EVLOOP_ONCE);
	for (int i = 0; i < 100; i++)
		told += many[i].code == 200;
	cr_assert(told > 0 && told < 100, "%d", told);
	for (int i = 0; i < 50 && sk_orders_waiting(o) > 0; i++) /* each is a commit on a disk that others use too */
		loop_for(server.base, 100);
	cr_assert_eq(sk_orders_waiting(o), 0);
	for (int i = 0; i < 100; i++)
		reply_clear(&many[i]);
}

static void sql(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = sqlite3_vmprintf(format, ap);
	va_end(ap);
	behind(help_path, text);
	sqlite3_free(text);
}

Test(orders, a_version_nobody_issued_is_refused, .init = setup, .fini = teardown)
{
	struct reply p = {0};
	struct sk_terminal t;
	json_t *o2;

	for (int i = 0; i < 3; i++) {
		wait_for(&p, &a, 0, (1LL << 52) + i, 0);
		cr_assert_eq(p.code, 400);
		reply_clear(&p);
	}
	wait_for(&p, &a, 0, 1LL << 32, 0); /* far, but a restore can explain it */
	cr_assert_eq(p.code, 200);
	reply_clear(&p);
	wait_for(&p, &a, 0, SK_VERSION_MAX, 0);
	cr_assert_eq(p.code, 400);
	reply_clear(&p);
	cr_assert_eq(sk_store_terminal_get(server.store, a.id, &t), 0);
	cr_assert_eq(t.grants_version, (1LL << 32) + 1);
	o2 = sk_store_overview(server.store, NULL, T0, HOUR);
	cr_assert_eq(help_number(o2, "incidents"), 2, "one for each version stored meanwhile");
	json_decref(o2);
}

Test(orders, raises_are_limited, .init = setup, .fini = teardown)
{
	struct reply p = {0};

	server.raise_limiter = sk_limiter_new(2, HOUR);
	for (int i = 0; i < 3; i++) {
		wait_for(&p, &a, 0, 100 * (i + 1), 0);
		cr_assert_eq(p.code, i < 2 ? 200 : 429);
		reply_clear(&p);
	}
	wait_for(&p, &b, 0, 100, 0);
	cr_assert_eq(p.code, 200, "each terminal for itself");
	reply_clear(&p);
	server.raise_limiter = sk_limiter_free(server.raise_limiter);
}

Test(orders, what_cannot_be_signed_does_not_hold_up_the_rest, .init = setup, .fini = teardown)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct reply p = {0};
	int64_t policy, grants;

	cr_assert_eq(sk_store_policy_set(server.store, &by, "", "[policy]", &err), 0);
	sql("UPDATE terminals SET grants_version = %lld, grants_sha = ''", SK_VERSION_MAX);
	wait_for(&p, &a, 0, 0, 0);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(policy, 1);
	cr_assert_eq(grants, 0);
	reply_clear(&p);
}

Test(orders, an_answer_stays_below_what_terminals_read, .init = setup, .fini = teardown)
{
	enum { LONG = 560 * 1000 };
	char *text = malloc(LONG + 1);
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct reply p = {0};
	int64_t policy, grants, version = 0;
	json_t *body;

	SQLITE_ONLY("rows are written that refer to nothing");
	memset(text, 'x', LONG);
	text[LONG] = '\0';
	cr_assert_eq(sk_store_policy_set(server.store, &by, "", text, &err), 0);
	free(text);
	sql("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000) INSERT INTO grants(id, "
	    "request,"
	    " terminal, device_key, serial, person, access, class, purpose, \"from\", until, permitted_by, approved_by)"
	    " SELECT printf('00000000-0000-4000-9000-%%012d', n), n, '%s', printf('%%064d', n), 'S', 'shokuin1', 'ro', "
	    "'none', 'p', n,"
	    " %lld, 'm', 'd' FROM c",
	    a.id, (long long)(sk_clock_wall() + HOUR));
	body = sk_store_grants_body(server.store, a.id, sk_clock_wall(), &version);
	cr_assert_lt(json_array_size(json_object_get(body, "grants")), 4000);
	cr_assert_str_eq(help_text(json_array_get(json_object_get(body, "grants"), 0), "id"),
	                 "00000000-0000-4000-9000-000000004000", "the newest are kept");
	cr_assert_lt(json_dumpb(body, NULL, 0, JSON_COMPACT), 512 * 1024);
	json_decref(body);
	wait_for(&p, &a, 0, 0, 0);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(policy, 1);
	cr_assert_eq(grants, 0, "in the next answer");
	reply_clear(&p);
	wait_for(&p, &a, 1, 0, 0);
	opened(&p, a.id, &policy, &grants);
	cr_assert_eq(grants, version);
	reply_clear(&p);
}

Test(orders, asked_while_stopping, .init = setup, .fini = teardown)
{
	struct reply p = {0}, q = {0};

	wait_for(&p, &a, 0, 0, 50);
	reply_clear(&p);
	wait_for(&p, &a, 0, 1, 50);
	sk_orders_stop(o);
	cr_assert_eq(p.code, 204);
	wait_for(&q, &a, 0, 1, 50);
	cr_assert_eq(q.code, 503);
	sk_orders_wake(o, NULL);
	sk_orders_wake(o, a.id);
	cr_assert_eq(sk_orders_waiting(o), 0);
	sk_orders_stop(NULL);
	reply_clear(&q);
}

Test(orders, stopping_ends_all_waiters, .init = setup)
{
	struct reply p = {0};

	wait_for(&p, &a, 0, 0, 50);
	reply_clear(&p);
	wait_for(&p, &a, 0, 1, 50);
	o = sk_orders_free(o);
	cr_assert_eq(p.code, 204);
	sk_orders_wake(o, NULL);
	cr_assert_null(sk_orders_free(NULL));
	teardown();
}
