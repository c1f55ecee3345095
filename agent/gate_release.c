/* Giving a recipient a passphrase: under the grant by which the container is open (policy/release.h); carried out by the medium. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/gate_impl.h"
#include "policy/release.h"

static const struct sk_gate_iface *open_container(const struct sk_attached *a)
{
	for (size_t i = 0; i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (f->allow && !f->pending && f->sealed && sk_attached_access(a, f->number) != SK_ACCESS_NONE)
			return f;
	}
	return NULL;
}

static const struct sk_grant *grant_of(const struct sk_attached *a, const struct sk_gate_iface *f)
{
	const struct sk_grants *g = a->gate->hooks.grants(a->gate->hooks.ctx);

	for (size_t i = 0; f != NULL && f->grant[0] != '\0' && g != NULL && i < g->n; i++)
		if (strcmp(g->items[i].id, f->grant) == 0)
			return &g->items[i];
	return NULL;
}

static json_t *ident_of(const struct sk_attached *a, const struct sk_gate_release *e, const struct sk_grant *g)
{
	json_t *o = sk_attached_ident(a);

	if (o == NULL)
		return NULL;
	(void)json_object_set_new(o, "person", json_string(e->person));
	(void)json_object_set_new(o, "grant", json_string(g->id));
	(void)json_object_set_new(o, "request", json_integer((json_int_t)g->request));
	(void)json_object_set_new(o, "recipient", json_string(e->recipient));
	return o;
}

int sk_gate_may_release(struct sk_gate *g, const struct sk_gate_release *e, json_t **ident, struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, e->device);
	const struct sk_gate_iface *f;
	struct sk_identity id;
	struct sk_release_ask ask = {
	    .identity = &id, .person = e->person, .active = g->person, .recipient = e->recipient};
	enum sk_release_answer r;

	if (a == NULL || a->dev->root_hub || a->medium == NULL || a->outcome.internal)
		return sk_err_set(err, -ENOENT, "%s is no open medium; `sekimori devices` lists what is", e->device);
	f = open_container(a);
	sk_attached_identity(a, &id);
	ask.grant = grant_of(a, f);
	ask.access = f != NULL ? f->access : SK_ACCESS_NONE;
	ask.before = ask.grant != NULL && e->before(e->arg, ask.grant->id);
	r = sk_release_may(&ask);
	if (r != SK_RELEASE_MAY || ask.grant == NULL)
		return sk_err_set(err, -EPERM, "%s", sk_release_why(r));
	if (a->erasing || a->registering || a->closing || a->reopening != NULL)
		return sk_err_set(err, -EBUSY, "%s is in use", e->device);
	*ident = ident_of(a, e, ask.grant);
	return *ident == NULL ? sk_err_set(err, -ENOMEM, "out of memory") : 0;
}

int sk_gate_release(struct sk_gate *g, const char *device, const char *passphrase, sk_medium_release_fn fn, void *arg,
                    struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);
	struct {
		uint8_t bytes[SK_SEAL_KEY + SK_RELEASE_LEN];
	} keys = {{0}};
	size_t len = strlen(passphrase);
	int r = a == NULL || a->medium == NULL || len >= SK_RELEASE_LEN ? -ENODEV : 0;

	(void)mlock(&keys, sizeof(keys));
	if (r == 0)
		r = sk_attached_container_key(a, keys.bytes);
	if (r == 0) {
		(void)memcpy(keys.bytes + SK_SEAL_KEY, passphrase, len);
		r = sk_medium_release(a->medium, keys.bytes, SK_SEAL_KEY + len, fn, arg);
	}
	explicit_bzero(&keys, sizeof(keys));
	(void)munlock(&keys, sizeof(keys));
	return r < 0 ? sk_err_set(err, r, "it cannot be added to the container now: %s", strerror(-r)) : 0;
}
