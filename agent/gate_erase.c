/*
 * Erasing a medium: asked for under the grant by which it is open, carried out by the medium (medium_erase.c), over when that ends, the device
 * goes, or it is not open any more. Whoever asked is told exactly once.
 */
#include <errno.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"

static const struct sk_gate_iface *open_storage(const struct sk_attached *a)
{
	for (size_t i = 0; i < a->outcome.n; i++)
		if (sk_attached_access(a, a->outcome.ifaces[i].number) != SK_ACCESS_NONE &&
		    !a->outcome.ifaces[i].pending)
			return &a->outcome.ifaces[i];
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

static int may_erase(const struct sk_attached *a, const struct sk_gate_erase *e, const struct sk_grant *grant,
                     struct sk_err *err)
{
	const struct sk_gate_iface *f = open_storage(a);
	char name[SK_DEV_TEXT];
	struct sk_identity id;
	struct sk_erase_ask ask = {.grant = grant,
	                           .identity = &id,
	                           .access = f != NULL ? f->access : SK_ACCESS_NONE,
	                           .person = e->person,
	                           .active = a->gate->person,
	                           .serial = a->facts.serial,
	                           .device_key = a->facts.desc.device_key,
	                           .typed = e->typed,
	                           .label = e->label};
	enum sk_erase_answer r;

	sk_attached_identity(a, &id);
	r = sk_erase_may(&ask);
	if (r == SK_ERASE_UNCONFIRMED)
		return sk_err_set(err, -EACCES, "%s", sk_erase_names(&ask, name));
	return r == SK_ERASE_MAY ? 0 : sk_err_set(err, -EPERM, "%s", sk_erase_why(r));
}

static json_t *ident_of(const struct sk_attached *a, const struct sk_gate_erase *e, const struct sk_grant *g)
{
	json_t *o = sk_attached_ident(a);

	if (o == NULL)
		return NULL;
	(void)json_object_set_new(o, "person", json_string(e->person[0] != '\0' ? e->person : "root"));
	(void)json_object_set_new(o, "grant", json_string(g->id));
	(void)json_object_set_new(o, "size", json_integer((json_int_t)sk_medium_bytes(a->medium)));
	(void)json_object_set_new(o, "request", json_integer((json_int_t)g->request));
	return o;
}

int sk_gate_erase(struct sk_gate *g, const struct sk_gate_erase *e, json_t **ident, struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, e->device);
	const struct sk_grant *grant;
	int r;

	if (a == NULL || a->dev->root_hub || a->medium == NULL || a->outcome.internal)
		return sk_err_set(err, -ENOENT, "%s is no open medium; `sekimori devices` lists what is", e->device);
	grant = grant_of(a, open_storage(a));
	r = may_erase(a, e, grant, err);
	if (r < 0)
		return r;
	if (a->erasing || a->registering || a->closing || a->reopening != NULL)
		return sk_err_set(err, -EBUSY, "%s is in use", e->device);
	if (sk_medium_disks(a->medium) != 1)
		return sk_err_set(err, -EINVAL, "%s has no medium in it, or more than one", e->device);
	*ident = ident_of(a, e, grant);
	if (*ident == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	a->erasing = true;
	a->erase_method = e->method;
	sk_text_copy(a->erase_label, sizeof(a->erase_label), e->label);
	a->erase_fn = e->fn;
	a->erase_arg = e->arg;
	sk_medium_erase_again(a->medium);
	return 0;
}

/* After the caller has recorded that it begins. */
void sk_gate_erase_begin(struct sk_gate *g, const char *device)
{
	struct sk_attached *a = sk_gate_find(g, device);

	if (a != NULL && a->erasing)
		sk_attached_leaves(a);
}

void sk_gate_erase_drop(struct sk_gate *g, const char *device)
{
	struct sk_attached *a = sk_gate_find(g, device);

	if (a != NULL)
		a->erasing = false;
}

void sk_attached_erase_leave(const struct sk_attached *a, struct sk_leave *l)
{
	if (!a->erasing || !sk_access_writes(l->access) || l->look)
		return;
	l->erase = true;
	l->method = a->erase_method;
	sk_text_copy(l->label, sizeof(l->label), a->erase_label);
}

static void over(struct sk_attached *a, const json_t *answer, const char *why)
{
	sk_gate_erase_fn fn = a->erase_fn;

	a->erasing = false;
	a->erase_fn = NULL;
	if (fn != NULL)
		fn(a->erase_arg, answer, why);
}

void sk_attached_end_erase(struct sk_attached *a, const char *why)
{
	if (a->erasing)
		over(a, NULL, why);
}

void sk_attached_erased(struct sk_attached *a, const json_t *answer)
{
	if (!a->erasing)
		return;
	/* Begun is begun: what is on it is not what was registered any more. */
	a->erased = true;
	over(a, answer, answer == NULL ? N_("the helper ended without an answer") : NULL);
	sk_attached_leaves(a);
}
