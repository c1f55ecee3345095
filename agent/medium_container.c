/*
 * An encrypted container on a node, opened with a person's passphrase: sekimori-crypt activates the mapping, its answer is what the kernel says
 * of it, then what is inside is mounted like any medium. Where only encrypted writing is allowed the node and its disk are read-only in
 * the kernel; the mark is off while the mapping is being made (libcryptsetup follows it) and on again before anybody learns that it is open. The
 * mapping goes on writing, everything else cannot.
 *
 *      closed --open helper--> open --mount helper--> mounted --unmount helper--> open --close helper--> closed
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/medium_impl.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"
#include "policy/media.h"

#define CRYPT_PROGRAM SK_LIBEXEC "/sekimori-crypt"
#define OPEN_MS       120000 /* a header may ask for a slow derivation */
#define CLOSE_MS      20000

struct sk_unlocking {
	struct sk_node *n;
	struct sk_unlock u; /* without the key */
	bool lifted;
	bool sealed; /* nobody asked: it is opened with the key of the grant */
};

bool sk_node_is_container(const char *fstype)
{
	return strcmp(fstype, "crypto_LUKS") == 0 || strcmp(fstype, "BitLocker") == 0;
}

/* ---- the read-only mark ---- */

/* The node and the disk it is part of: the mark of a disk covers its partitions. First error. */
static int mark_stack(struct sk_node *n, bool ro)
{
	const struct sk_blocks *blocks = &n->m->env.sys->blocks;
	struct sk_block now;
	int r = 0;

	for (size_t i = 0; i < SK_MEDIUM_NODES && r == 0; i++) {
		struct sk_node *o = &n->m->nodes[i];
		size_t len = strlen(o->b.devpath);

		if (!o->used || o->gone)
			continue;
		if (o != n &&
		    (o->b.partition || strncmp(o->b.devpath, n->b.devpath, len) != 0 || n->b.devpath[len] != '/'))
			continue;
		r = blocks->ops->set_ro(blocks->ctx, &o->b, ro);
		if (r == 0)
			r = blocks->ops->read(blocks->ctx, o->b.devpath, &now);
		if (r == 0)
			o->b.ro = now.ro;
		if (r == 0 && ro && !now.ro)
			r = -EIO;
	}
	return r;
}

int sk_node_lift(struct sk_node *n)
{
	return mark_stack(n, false);
}

void sk_node_lower(struct sk_node *n)
{
	int r = mark_stack(n, true);

	if (r < 0 && r != -ENODEV)
		n->m->env.failed(n->m->env.gate, n->m->owner, n->m, N_("the medium cannot be set read-only"),
		                 strerror(-r));
}

bool sk_medium_lets_write(const struct sk_medium *m, const char *devpath, const struct sk_block *over)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++) {
		const struct sk_node *n = &m->nodes[i];
		size_t len = strlen(devpath);

		if (!n->used || n->gone || strncmp(n->b.devpath, devpath, len) != 0)
			continue;
		if ((n->lifted || n->erasing) && (n->b.devpath[len] == '\0' || n->b.devpath[len] == '/'))
			return true;
		if (over != NULL && n->b.devpath[len] == '\0' && n->box.open && !n->box.ro &&
		    n->box.major == over->major && n->box.minor == over->minor)
			return true;
	}
	return false;
}

/* ---- closing ---- */

static void on_closed(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;

	(void)output;
	(void)len;
	n->child = NULL;
	(void)memset(&n->box, 0, sizeof(n->box));
	if (status != 0) /* the device is cut off all the same; the mapping then leads nowhere */
		sk_medium_report(m, "enforcement.failed",
		                 json_pack("{s:s, s:s}", "node", n->b.name, "why",
		                           N_("the encrypted container could not be closed")),
		                 true);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

bool sk_node_close_container(struct sk_node *n)
{
	const char *argv[] = {CRYPT_PROGRAM, "close", n->box.name, NULL};

	if (!n->box.open || n->child != NULL)
		return false;
	if (n->m->env.sys->start(n->m->env.loop, argv, CLOSE_MS, on_closed, n, &n->child) < 0) {
		(void)memset(&n->box, 0, sizeof(n->box));
		return false;
	}
	return true;
}

/* ---- what the helper says ---- */

static int take_box(struct sk_node *n, const json_t *answer)
{
	const char *node = json_string_value(json_object_get(answer, "node"));
	const char *dev = json_string_value(json_object_get(answer, "dev"));
	const char *uuid = json_string_value(json_object_get(answer, "dm_uuid"));
	const char *cipher = json_string_value(json_object_get(answer, "cipher"));
	int end = 0;

	if (node == NULL || dev == NULL || uuid == NULL || cipher == NULL || strncmp(node, "/dev/dm-", 8) != 0 ||
	    strlen(node) >= sizeof(n->box.node) || sscanf(dev, "%4u:%7u%n", &n->box.major, &n->box.minor, &end) != 2 ||
	    dev[end] != '\0')
		return -EINVAL;
	n->box.open = true;
	n->box.ro = json_is_true(json_object_get(answer, "read_only"));
	n->box.kind = sk_media_encryption_of(uuid);
	sk_text_copy(n->box.node, sizeof(n->box.node), node);
	(void)sk_text_escape(n->box.cipher, sizeof(n->box.cipher), cipher, strlen(cipher));
	(void)snprintf(n->box.name, sizeof(n->box.name), "sekimori-%.40s", n->b.name);
	return 0;
}

/* NULL: it may be used. */
static const char *judge(const struct sk_node *n, const struct sk_leave *l)
{
	if (l->access == SK_ACCESS_NONE || n->gone)
		return N_("the permit has ended meanwhile");
	if (!sk_media_cipher_encrypts(n->box.cipher))
		return N_("its container encrypts nothing");
	if (sk_access_encrypted(l->access) && !(n->box.kind & l->encryption))
		return N_("this kind of encryption does not count here");
	if (n->box.ro != !sk_access_writes(l->access))
		return N_("it was not opened as it was permitted");
	return NULL;
}

static void finish(struct sk_unlocking *w, int code, const char *why)
{
	w->u.done(w->u.ctx, w->u.client, code, why);
	free(w);
}

static void refused(struct sk_unlocking *w, const json_t *answer, int status)
{
	struct sk_node *n = w->n;
	const char *said = json_string_value(json_object_get(answer, "error"));
	bool wrong = json_integer_value(json_object_get(answer, "code")) == EKEYREJECTED;
	json_t *body = sk_node_event(n);
	char why[128];

	(void)sk_text_escape(why, sizeof(why), said != NULL ? said : "", said != NULL ? strlen(said) : 0);
	if (said == NULL)
		sk_text_copy(why, sizeof(why), N_("the helper ended without an answer"));
	if (wrong)
		sk_text_copy(why, sizeof(why),
		             w->sealed ? N_("the key of the permit does not open it")
		                       : N_("the passphrase does not open it"));
	n->m->tries += wrong && !w->sealed;
	n->failed = n->failed || w->sealed;
	if (body != NULL) {
		(void)json_object_set_new(body, "why", json_string(why));
		(void)json_object_set_new(body, "status", json_integer(status));
		(void)json_object_set_new(body, "tries", json_integer(n->m->tries));
	}
	sk_medium_report(n->m, "medium.open-failed", body, w->sealed);
	finish(w, wrong ? -EKEYREJECTED : -EIO, why);
}

static void not_opened(struct sk_node *n, const char *why, const char *detail)
{
	json_t *body = sk_node_event(n);

	n->failed = true;
	if (body != NULL)
		(void)json_object_set_new(body, "why", json_string(why));
	if (body != NULL && detail != NULL)
		(void)json_object_set_new(body, "detail", json_string(detail));
	sk_medium_report(n->m, "medium.open-failed", body, true);
}

static void on_opened(void *arg, int status, const char *output, size_t len)
{
	struct sk_unlocking *w = arg;
	struct sk_node *n = w->n;
	struct sk_medium *m = n->m;
	const struct sk_leave *l = sk_medium_leave_of(m, n->iface);
	json_t *answer = NULL;
	const char *why;

	n->child = NULL;
	n->unlocking = NULL;
	if (w->lifted) {
		n->lifted = false;
		sk_node_lower(n);
	}
	if (len > 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	if (status != 0 || answer == NULL || take_box(n, answer) < 0) {
		refused(w, answer, status);
	} else {
		m->tries = 0;
		why = judge(n, l);
		n->failed = why != NULL; /* driven on: scanned and mounted, or closed again */
		n->opened = true;
		sk_node_scan_reset(n);
		if (why != NULL && w->sealed)
			not_opened(n, why, NULL);
		finish(w, why == NULL ? 0 : -EPERM, why);
	}
	json_decref(answer);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

void sk_node_unlock_cancelled(struct sk_node *n)
{
	free(n->unlocking);
	n->unlocking = NULL;
}

/* ---- opening ---- */

static struct sk_node *find_container(struct sk_medium *m, const char *name)
{
	for (size_t i = 0; i < SK_MEDIUM_NODES; i++) {
		struct sk_node *n = &m->nodes[i];

		/* A scan that could not look inside has stopped before anybody knew what it is. */
		if (n->used && !n->gone && (n->container || n->scan.step == SK_SCAN_STOPPED) && !n->mounted &&
		    !n->box.open && (name[0] == '\0' || strcmp(name, n->b.name) == 0))
			return n;
	}
	return NULL;
}

static int start_open(struct sk_node *n, const struct sk_leave *l, struct sk_unlocking *w)
{
	bool writes = sk_access_writes(l->access);
	char node[SK_BLOCK_NAME + 8], dev[32], name[64];
	const char *argv[] = {CRYPT_PROGRAM, "open", node, dev, name, writes ? "rw" : "ro", NULL};
	int r = 0;

	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	(void)snprintf(name, sizeof(name), "sekimori-%.40s", n->b.name);
	if (writes && n->b.ro) {
		n->lifted = w->lifted = true;
		r = sk_node_lift(n);
	}
	if (r == 0)
		r = n->m->env.sys->start_input(n->m->env.loop, argv, w->u.key, w->u.len, OPEN_MS, on_opened, w,
		                               &n->child);
	w->u.key = NULL;
	if (r < 0 && w->lifted) {
		n->lifted = false;
		sk_node_lower(n);
	}
	return r;
}

int sk_medium_open(struct sk_medium *m, const char *node, const struct sk_unlock *u, struct sk_err *err)
{
	struct sk_node *n = find_container(m, node);
	const struct sk_leave *l = n != NULL ? sk_medium_leave_of(m, n->iface) : NULL;
	struct sk_unlocking *w;
	int r;

	if (n == NULL)
		return sk_err_set(err, -ENOENT, N_("there is no closed encrypted container on it"));
	if (l->sealed)
		return sk_err_set(err, -EACCES, N_("its key comes with the permit; it opens by itself"));
	if (l->access == SK_ACCESS_NONE || l->look || l->person[0] == '\0')
		return sk_err_set(err, -EACCES, N_("the medium is not permitted now"));
	if (u->person[0] != '\0' && strcmp(u->person, l->person) != 0)
		return sk_err_set(err, -EACCES, N_("only the person at the terminal may open it"));
	if (m->tries >= SK_UNLOCK_TRIES)
		return sk_err_set(err, -EACCES,
		                  N_("too many wrong passphrases; unplug the medium and plug it in again"));
	if (n->child != NULL)
		return sk_err_set(err, -EBUSY, N_("it is being opened"));
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	*w = (struct sk_unlocking){.n = n, .u = *u};
	r = start_open(n, l, w);
	if (r < 0) {
		free(w);
		return sk_err_set(err, r, "the helper could not be started: %s", strerror(-r));
	}
	n->unlocking = w;
	return 0;
}

static void nobody_asked(void *ctx, uint64_t client, int code, const char *why)
{
	(void)ctx;
	(void)client;
	(void)code;
	(void)why;
}

void sk_node_open_sealed(struct sk_node *n, const struct sk_leave *l)
{
	const struct sk_medium_env *env = &n->m->env;
	struct sk_unlocking *w = calloc(1, sizeof(*w));
	uint8_t key[SK_SEAL_KEY] = {0};
	int r = w == NULL ? -ENOMEM : env->key == NULL || n->m->owner == NULL ? -ENOKEY : 0;

	n->container = true;
	(void)mlock(key, sizeof(key));
	if (r == 0)
		r = env->key(env->gate, n->m->owner, key);
	if (r == 0) {
		*w = (struct sk_unlocking){
		    .n = n, .u = {.key = key, .len = sizeof(key), .done = nobody_asked}, .sealed = true};
		r = start_open(n, l, w);
	}
	explicit_bzero(key, sizeof(key));
	(void)munlock(key, sizeof(key));
	if (r < 0) {
		free(w);
		not_opened(n, N_("its key cannot be opened on this terminal"), strerror(-r));
		return;
	}
	n->unlocking = w;
}

/* ---- after our restart ---- */

static void on_looked(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *answer = NULL;

	n->child = NULL;
	if (status == 0 && len > 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) == 0 &&
	    take_box(n, answer) == 0) {
		n->container = n->opened = true;
		sk_node_adopt_mount(n, n->box.major, n->box.minor);
	}
	json_decref(answer);
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

void sk_node_adopt_container(struct sk_node *n)
{
	char name[64];
	const char *argv[] = {CRYPT_PROGRAM, "look", name, NULL};

	if (!n->b.held)
		return;
	(void)snprintf(name, sizeof(name), "sekimori-%.40s", n->b.name);
	if (n->m->env.sys->start(n->m->env.loop, argv, CLOSE_MS, on_looked, n, &n->child) < 0)
		n->child = NULL;
}

/* ---- making ---- */

#define PREPARE_MS 240000 /* a slow stick; the file system's tables are written */

static struct sk_node *whole(struct sk_medium *m)
{
	struct sk_node *found = NULL;

	for (size_t i = 0; i < SK_MEDIUM_NODES; i++) {
		struct sk_node *n = &m->nodes[i];

		if (!n->used || n->gone || n->b.partition || n->b.bytes == 0)
			continue;
		if (found != NULL)
			return NULL;
		found = n;
	}
	return found;
}

bool sk_medium_preparing(const struct sk_medium *m)
{
	for (size_t i = 0; m != NULL && i < SK_MEDIUM_NODES; i++)
		if (m->nodes[i].used && m->nodes[i].preparing)
			return true;
	return false;
}

static void new_name(const struct sk_node *n, char out[64])
{
	(void)snprintf(out, 64, "sekimori-new-%.30s", n->b.name);
}

/* A helper that was killed leaves its mapping, and with it the key. True: another one runs. */
static bool close_new(struct sk_node *n)
{
	char name[64];
	const char *argv[] = {CRYPT_PROGRAM, "close", name, NULL};

	new_name(n, name);
	return n->child == NULL && n->m->env.sys->start(n->m->env.loop, argv, CLOSE_MS, on_closed, n, &n->child) == 0;
}

static void on_prepared(void *arg, int status, const char *output, size_t len)
{
	struct sk_node *n = arg;
	struct sk_medium *m = n->m;
	json_t *answer = NULL;
	const char *said;
	bool closing;
	char why[128];

	n->child = NULL;
	n->preparing = n->lifted = false;
	sk_node_lower(n);
	n->looked = false; /* it is another medium now */
	if (len > 0 && sk_json_parse(output, len, SK_CHILD_OUTPUT_MAX, &answer, NULL) < 0)
		answer = NULL;
	said = json_string_value(json_object_get(answer, "error"));
	(void)sk_text_escape(why, sizeof(why), said != NULL ? said : "", said != NULL ? strlen(said) : 0);
	if (status != 0 && said == NULL)
		sk_text_copy(why, sizeof(why), N_("the helper ended without an answer"));
	closing = status != 0 && close_new(n);
	if (m->env.prepared != NULL && m->owner != NULL && !n->gone)
		m->env.prepared(m->env.gate, m->owner, m, status == 0 ? 0 : -EIO, status == 0 ? NULL : why);
	json_decref(answer);
	if (closing)
		return; /* driven on then */
	sk_node_drive(n);
	m->env.settled(m->env.gate, m->owner, m);
}

int sk_medium_prepare(struct sk_medium *m, const void *key, size_t len, const char *label)
{
	struct sk_node *n = whole(m);
	char node[SK_BLOCK_NAME + 8], dev[32], name[64];
	const char *argv[] = {CRYPT_PROGRAM, "prepare", node, dev, name, label, NULL};
	int r;

	if (n == NULL || !sk_medium_leave_of(m, n->iface)->look)
		return -ENODEV;
	if (n->child != NULL || sk_medium_mounted(m))
		return -EBUSY;
	(void)snprintf(node, sizeof(node), "/dev/%s", n->b.name);
	(void)snprintf(dev, sizeof(dev), "%u:%u", n->b.major, n->b.minor);
	new_name(n, name);
	n->preparing = n->lifted = true;
	r = sk_node_lift(n);
	if (r == 0)
		r = m->env.sys->start_input(m->env.loop, argv, key, len, PREPARE_MS, on_prepared, n, &n->child);
	if (r < 0) {
		n->preparing = n->lifted = false;
		sk_node_lower(n);
	}
	return r;
}
