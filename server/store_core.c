/* Opening, closing, readiness. */
#include "server/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql_postgres.h"
#include "server/sql_sqlite.h"

#define GRANT_MAX_DEFAULT ((sk_ms)14 * 86400 * 1000)
#define SILENT_DEFAULT    ((sk_ms)3 * 86400 * 1000)
#define OVERVIEW_LIVE     2000

int sk_store_open(const char *path, bool create, struct sk_store **out, struct sk_err *err)
{
	struct sk_store *s;
	int r;

	if (strlen(path) >= sizeof(s->path))
		return sk_err_set(err, -ENAMETOOLONG, "store: path longer than %zu bytes", sizeof(s->path) - 1);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return sk_err_set(err, -ENOMEM, "%s: out of memory", path);
	sk_text_copy(s->path, sizeof(s->path), path);
	s->grant_max = GRANT_MAX_DEFAULT;
	s->silent = SILENT_DEFAULT;
	s->overview_live = OVERVIEW_LIVE;
	r = pg_is_url(path) ? pg_open(s, create, err) : lite_open(s, create, err);
	if (r == 0)
		r = db_migrate(s, err);
	if (r == 0 && (r = db_temp(s)) < 0)
		db_fail(s, err, r, "temporary tables");
	if (r < 0) {
		sk_store_close(s);
		return r;
	}
	s->open = true;
	sk_store_changed(s);
	*out = s;
	return 0;
}

struct sk_store *sk_store_close(struct sk_store *s)
{
	if (s == NULL)
		return NULL;
	if (s->depth > 0) {
		s->depth = 1;
		db_finish(s, -ECANCELED);
	}
	if (s->open)
		contacts_flush(s);
	explicit_bzero(s->phone, sizeof(s->phone));
	explicit_bzero(s->container, sizeof(s->container));
	sk_org_free(s->org);
	if (s->driver != NULL)
		s->driver->close(s);
	for (size_t i = 0; i < s->n_kept; i++)
		free(s->kept[i]);
	free(s->kept);
	free(s);
	return NULL;
}

void sk_store_set_grant_max(struct sk_store *s, sk_ms longest)
{
	s->grant_max = longest;
}

void sk_store_set_patience(struct sk_store *s, sk_ms longest)
{
	s->patience = longest;
}

void sk_store_set_overview(struct sk_store *s, int64_t live)
{
	s->overview_live = live;
}

bool sk_store_changed(struct sk_store *s)
{
	return s->driver->changed(s);
}

int sk_store_news_fd(struct sk_store *s)
{
	return s->driver->news_fd == NULL ? -1 : s->driver->news_fd(s);
}

int sk_store_batch_begin(struct sk_store *s)
{
	return s->depth > 0 ? -EALREADY : db_begin(s);
}

int sk_store_batch_end(struct sk_store *s)
{
	return s->depth != 1 ? -EINVAL : db_finish(s, 0);
}

int sk_store_tend(struct sk_store *s, sk_ms now)
{
	int r = contacts_flush(s);

	if (r >= 0)
		r = phone_tend(s, now);
	if (r >= 0)
		r = org_tend(s, now);
	if (r >= 0)
		r = orders_tend(s, now);
	return r < 0 ? r : requests_expire(s, NULL, now);
}

/* A real write, rolled back: a store that became read-only or lost its tables shows. */
int sk_store_ready(struct sk_store *s)
{
	int64_t n;
	int r = s->driver->ready(s);

	if (r == 0)
		r = db_int(s, &n, "SELECT count(*) FROM units", "");
	if (r == 0 && s->depth == 0 && (r = db_begin(s)) == 0) {
		r = db_run(s, "UPDATE users SET disabled = disabled WHERE user = (SELECT min(user) FROM users)", "");
		db_finish(s, -ECANCELED);
	}
	return r < 0 ? r : 0;
}
