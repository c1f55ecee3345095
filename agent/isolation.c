/* The file first, then nft, then a look at what the kernel has. */
#include "agent/isolation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "platform/child.h"
#include "platform/nftwatch.h"

#define TIMEOUT_MS 20000

enum step { IDLE, APPLYING, CHECKING, DELETING, LOOKING };

struct sk_isolation {
	sd_event *loop;
	struct sk_isolation_hooks hooks;
	char path[320], nft[128], cause[24];
	enum sk_isolation_mode mode;
	enum step step;
	bool look_again; /* something changed while nft ran */
	struct sk_nftwatch
	    *watch; /* while it holds; NULL: the kernel tells nothing, then it is looked at now and then */
	bool told; /* isolation.on stands on record, or was there before */
	struct sk_child *child;
	sk_isolation_done *done;
	void *arg;
};

static void on_changed(void *ctx)
{
	struct sk_isolation *i = ctx;

	i->look_again = i->step != IDLE;
	sk_isolation_look(i);
}

/* The kernel's word is heard as long as there is something to lose. */
static void watch(struct sk_isolation *i)
{
	int r = 0;

	if (i->mode == SK_ISOLATION_NONE)
		i->watch = sk_nftwatch_free(i->watch);
	else if (!i->watch)
		r = sk_nftwatch_new(i->loop, on_changed, i, &i->watch);
	if (r < 0)
		sk_log(SK_LOG_WARNING, "isolation: changes are seen at intervals only: %s", strerror(-r));
}

static void finish(struct sk_isolation *i, bool ok, const char *why)
{
	sk_isolation_done *done = i->done;

	i->step = IDLE;
	i->done = NULL;
	if (!ok)
		sk_log(SK_LOG_ERR, "isolation: %s", why);
	watch(i);
	if (done)
		done(i->arg, ok, why);
	if (ok && i->look_again)
		sk_isolation_look(i);
}

static void on_child(void *arg, int status, const char *output, size_t len);

static int nft(struct sk_isolation *i, enum step step, const char *a, const char *b)
{
	static const char family[] = "inet";
	bool file = step == APPLYING;
	const char *argv[] = {i->nft, a, b, file ? NULL : family, file ? NULL : SK_ISOLATION_TABLE, NULL};
	int r;

	i->step = step;
	r = sk_child_start(i->loop, argv, TIMEOUT_MS, on_child, i, &i->child);
	if (r < 0)
		finish(i, false, "nft cannot be started");
	return r;
}

static void record(struct sk_isolation *i, const char *kind)
{
	i->hooks.record(i->hooks.ctx, kind,
	                json_pack("{s:s, s:s}", "mode", sk_isolation_name(i->mode), "cause", i->cause));
}

static void put_back(struct sk_isolation *i)
{
	sk_log(SK_LOG_WARNING, "isolation: somebody took the table away; it is put back");
	i->hooks.record(i->hooks.ctx, "settings.put-back",
	                json_pack("{s:s, s:[s]}", "check", "isolation", "files", "nftables"));
	(void)nft(i, APPLYING, "-f", i->path);
}

static void checked(struct sk_isolation *i, int status, const char *output)
{
	if (status != 0 || !sk_isolation_holds(output)) {
		finish(i, false, "the kernel does not have the rules");
		return;
	}
	if (!i->told) {
		i->told = true;
		record(i, "isolation.on");
	}
	finish(i, true, "");
}

/* Only when the table is gone the file goes too. */
static void deleted(struct sk_isolation *i, int status)
{
	(void)status; /* 1 also when there was no table: then the file alone held */
	if (unlink(i->path) < 0 && errno != ENOENT) {
		finish(i, false, "the file that keeps it cannot be removed");
		return;
	}
	i->mode = SK_ISOLATION_NONE;
	i->told = false;
	record(i, "isolation.off");
	finish(i, true, "");
}

static void on_child(void *arg, int status, const char *output, size_t len)
{
	struct sk_isolation *i = arg;

	(void)len;
	i->child = NULL;
	switch (i->step) {
	case APPLYING:
		if (status != 0)
			finish(i, false, "nft refused the rules");
		else
			(void)nft(i, CHECKING, "list", "table");
		break;
	case CHECKING:
		checked(i, status, output);
		break;
	case DELETING:
		deleted(i, status);
		break;
	case LOOKING:
		i->step = IDLE;
		i->look_again = false;
		if (status != 0 || !sk_isolation_holds(output))
			put_back(i);
		break;
	default:
		break;
	}
}

static int write_rules(struct sk_isolation *i, enum sk_isolation_mode m)
{
	struct sk_buf text;
	int r;

	sk_buf_init(&text, 8192);
	r = sk_isolation_rules(m, i->hooks.uplink(i->hooks.ctx), &text);
	if (r == 0)
		r = sk_file_write(i->path, text.data, text.len, 0600, NULL);
	sk_buf_deinit(&text);
	return r;
}

int sk_isolation_set(struct sk_isolation *i, enum sk_isolation_mode m, const char *cause, sk_isolation_done *done,
                     void *arg)
{
	int r = 0;

	if (i->step == LOOKING) {
		sk_child_cancel(i->child);
		i->child = NULL;
		i->step = IDLE;
	}
	if (i->step != IDLE)
		return -EBUSY;
	if (m != SK_ISOLATION_NONE)
		r = write_rules(i, m);
	if (r < 0)
		return r;
	sk_text_copy(i->cause, sizeof i->cause, cause);
	i->done = done;
	i->arg = arg;
	if (m == SK_ISOLATION_NONE) {
		(void)nft(i, DELETING, "delete", "table");
		return 0;
	}
	i->told = i->told && i->mode == m;
	i->mode = m;
	(void)nft(i, APPLYING, "-f", i->path);
	return 0;
}

void sk_isolation_look(struct sk_isolation *i)
{
	if (i && i->step == IDLE && i->mode != SK_ISOLATION_NONE)
		(void)nft(i, LOOKING, "list", "table");
}

enum sk_isolation_mode sk_isolation_mode(const struct sk_isolation *i)
{
	return i ? i->mode : SK_ISOLATION_NONE;
}

int sk_isolation_new(sd_event *loop, const char *dir, const struct sk_isolation_hooks *hooks, struct sk_isolation **out)
{
	struct sk_isolation *i = calloc(1, sizeof *i);
	struct sk_buf text;

	if (!i)
		return -ENOMEM;
	i->loop = loop;
	i->hooks = *hooks;
	sk_text_copy(i->nft, sizeof i->nft, hooks->nft);
	sk_text_copy(i->cause, sizeof i->cause, "start");
	snprintf(i->path, sizeof i->path, "%s/isolation.nft", dir);
	sk_buf_init(&text, 8192);
	if (sk_file_read(i->path, &text, NULL) == 0)
		i->mode = sk_isolation_of(text.data);
	sk_buf_deinit(&text);
	*out = i;
	if (i->mode != SK_ISOLATION_NONE) {
		i->told = true;
		(void)nft(i, APPLYING, "-f", i->path);
	}
	return 0;
}

struct sk_isolation *sk_isolation_free(struct sk_isolation *i)
{
	if (!i)
		return NULL;
	sk_nftwatch_free(i->watch);
	sk_child_cancel(i->child);
	free(i);
	return NULL;
}
