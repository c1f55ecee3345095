#include "agent/record_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct sk_record_files {
	struct sk_record_file *items; /* in the order they came */
	uint32_t *slots; /* index + 1 of items by the path's hash; 0 = empty */
	size_t n, cap, n_slots, n_dirty;
};

struct sk_record_files *sk_record_files_new(void)
{
	return calloc(1, sizeof(struct sk_record_files));
}

struct sk_record_files *sk_record_files_free(struct sk_record_files *t)
{
	size_t i;

	for (i = 0; t != NULL && i < t->n; i++)
		free(t->items[i].path);
	if (t != NULL) {
		free(t->items);
		free(t->slots);
	}
	free(t);
	return NULL;
}

static uint64_t hash(const char *s)
{
	uint64_t h = 1469598103934665603u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

static size_t slot_of(const struct sk_record_files *t, const char *path)
{
	size_t i = hash(path) & (t->n_slots - 1);

	while (t->slots[i] != 0 && strcmp(t->items[t->slots[i] - 1].path, path) != 0)
		i = (i + 1) & (t->n_slots - 1);
	return i;
}

static int grow(struct sk_record_files *t)
{
	size_t cap = t->cap != 0 ? 2 * t->cap : 1024, i;
	struct sk_record_file *items = realloc(t->items, cap * sizeof(*items));
	uint32_t *slots;

	if (items == NULL)
		return -ENOMEM;
	t->items = items;
	slots = calloc(2 * cap, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->cap = cap;
	t->n_slots = 2 * cap;
	for (i = 0; i < t->n; i++)
		t->slots[slot_of(t, t->items[i].path)] = (uint32_t)i + 1;
	return 0;
}

static int get(struct sk_record_files *t, const char *path, struct sk_record_file **out)
{
	struct sk_record_file *f;
	size_t slot;
	int r = t->n == t->cap ? grow(t) : 0;

	if (r < 0)
		return r;
	slot = slot_of(t, path);
	if (t->slots[slot] != 0) {
		*out = &t->items[t->slots[slot] - 1];
		return 0;
	}
	if (t->n == SK_RECORD_FILES)
		return -E2BIG;
	f = &t->items[t->n];
	(void)memset(f, 0, sizeof(*f));
	f->path = strdup(path);
	if (f->path == NULL)
		return -ENOMEM;
	f->size = f->mtime_ns = -1;
	f->uid = UINT32_MAX;
	t->slots[slot] = (uint32_t)++t->n;
	*out = f;
	return 0;
}

struct sk_record_file *sk_record_files_find(struct sk_record_files *t, const char *path)
{
	size_t slot = t->n > 0 ? slot_of(t, path) : 0;

	return t->n > 0 && t->slots[slot] != 0 ? &t->items[t->slots[slot] - 1] : NULL;
}

static void mark(struct sk_record_files *t, struct sk_record_file *f, bool dirty)
{
	if (f->dirty != dirty)
		t->n_dirty += dirty ? 1 : (size_t)-1;
	f->dirty = dirty;
}

int sk_record_files_known(struct sk_record_files *t, const char *path, int64_t size, int64_t mtime_ns)
{
	struct sk_record_file *f;
	int r = get(t, path, &f);

	if (r < 0)
		return r;
	f->size = size;
	f->mtime_ns = mtime_ns;
	return 0;
}

int sk_record_files_written(struct sk_record_files *t, const char *path, uint32_t uid, const char *process, sk_ms at)
{
	struct sk_record_file *f;
	int r = get(t, path, &f);

	if (r < 0)
		return r;
	f->uid = uid;
	f->at = at;
	f->found = false;
	sk_text_copy(f->process, sizeof(f->process), process);
	mark(t, f, true);
	return 0;
}

int sk_record_files_swept(struct sk_record_files *t, const char *path, int64_t size, int64_t mtime_ns)
{
	struct sk_record_file *f;
	int r = get(t, path, &f);

	if (r < 0)
		return r;
	f->seen = true;
	if (f->dirty || (f->size == size && f->mtime_ns == mtime_ns))
		return 0;
	f->found = true;
	f->uid = UINT32_MAX;
	f->process[0] = '\0';
	f->at = mtime_ns / 1000000;
	mark(t, f, true);
	return 0;
}

void sk_record_files_told(struct sk_record_files *t, struct sk_record_file *f, int64_t size, int64_t mtime_ns)
{
	f->size = size;
	f->mtime_ns = mtime_ns;
	f->told = true;
	mark(t, f, false);
}

struct sk_record_file *sk_record_files_dirty(struct sk_record_files *t, size_t *at)
{
	while (t->n_dirty > 0 && *at < t->n) {
		struct sk_record_file *f = &t->items[(*at)++];

		if (f->dirty)
			return f;
	}
	return NULL;
}

struct sk_record_file *sk_record_files_gone(struct sk_record_files *t, size_t *at)
{
	while (*at < t->n) {
		struct sk_record_file *f = &t->items[(*at)++];

		if (!f->seen && (f->told || f->dirty))
			return f;
	}
	return NULL;
}

size_t sk_record_files_dirty_count(const struct sk_record_files *t)
{
	return t->n_dirty;
}
