/* See inventory.h. */
#include "platform/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"

static void push(struct sk_inventory *v, const char *line)
{
	if (v->n >= SK_INVENTORY_LINES) {
		v->cut = true;
		return;
	}
	if (v->n == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 256;
		char **bigger = realloc(v->line, cap * sizeof(*bigger));
		if (!bigger) {
			v->cut = true;
			return;
		}
		v->line = bigger;
		v->cap = cap;
	}
	if ((v->line[v->n] = strdup(line)))
		v->n++;
	else
		v->cut = true;
}

void sk_inventory_add(struct sk_inventory *v, const char *kind, const char *text)
{
	char line[SK_INVENTORY_LINE], shown[SK_INVENTORY_LINE - 24];

	sk_text_escape(shown, sizeof(shown), text, strlen(text));
	sk_text_trim(shown);
	snprintf(line, sizeof(line), "%.20s:%s", kind, shown);
	push(v, line);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void sk_inventory_sort(struct sk_inventory *v)
{
	size_t kept = 0;

	if (v->n == 0)
		return;
	qsort(v->line, v->n, sizeof(*v->line), by_text);
	for (size_t i = 1; i < v->n; i++) {
		if (strcmp(v->line[i], v->line[kept]) == 0)
			free(v->line[i]);
		else
			v->line[++kept] = v->line[i];
	}
	v->n = kept + 1;
}

bool sk_inventory_has(const struct sk_inventory *v, const char *line)
{
	return v->n > 0 && bsearch(&line, v->line, v->n, sizeof(*v->line), by_text) != NULL;
}

void sk_inventory_hash(const struct sk_inventory *v, char out[SK_SHA256_HEX])
{
	struct sk_digest *d = sk_digest_new();

	for (size_t i = 0; i < v->n; i++) {
		sk_digest_add(d, v->line[i], strlen(v->line[i]));
		sk_digest_add(d, "\n", 1);
	}
	sk_digest_end(d, out);
}

void sk_inventory_clear(struct sk_inventory *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->line[i]);
	free(v->line);
	*v = (struct sk_inventory){0};
}

static int path_of(const char *folder, const char *name, char *out, size_t size)
{
	return snprintf(out, size, "%s/%s", folder, name) < (int)size ? 0 : -ENAMETOOLONG;
}

int sk_inventory_read_at(const char *folder, const char *name, struct sk_inventory *v)
{
	char path[600], *save = NULL;
	struct sk_buf b;
	int r = path_of(folder, name, path, sizeof(path));

	*v = (struct sk_inventory){0};
	if (r < 0)
		return r;
	sk_buf_init(&b, (size_t)SK_INVENTORY_LINES * SK_INVENTORY_LINE);
	r = sk_file_read(path, &b, NULL);
	if (r == 0 && (strlen(b.data) != b.len || !sk_text_is_utf8(b.data, b.len)))
		r = -EINVAL;
	for (char *line = r == 0 ? strtok_r(b.data, "\n", &save) : NULL; r == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strlen(line) >= SK_INVENTORY_LINE || !strchr(line, ':'))
			r = -EINVAL;
		else
			push(v, line);
	}
	sk_buf_deinit(&b);
	if (r == 0 && v->cut)
		r = -EINVAL;
	if (r < 0)
		sk_inventory_clear(v);
	else
		sk_inventory_sort(v);
	return r;
}

int sk_inventory_write_at(const char *folder, const char *name, const struct sk_inventory *v)
{
	char path[600];
	struct sk_buf b;
	int r = path_of(folder, name, path, sizeof(path));

	if (r < 0)
		return r;
	sk_buf_init(&b, (size_t)SK_INVENTORY_LINES * SK_INVENTORY_LINE);
	for (size_t i = 0; i < v->n; i++) {
		sk_buf_adds(&b, v->line[i]);
		sk_buf_addc(&b, '\n');
	}
	r = sk_buf_error(&b);
	if (r == 0)
		r = sk_file_write(path, b.data, b.len, 0600, NULL);
	sk_buf_deinit(&b);
	return r;
}

static int folder_of(const char *root, char *out, size_t size)
{
	return snprintf(out, size, "%s" SK_STATE_FOLDER, root) < (int)size ? 0 : -ENAMETOOLONG;
}

int sk_inventory_read(const char *root, const char *name, struct sk_inventory *v)
{
	char folder[500];

	*v = (struct sk_inventory){0};
	return folder_of(root, folder, sizeof(folder)) < 0 ? -ENAMETOOLONG : sk_inventory_read_at(folder, name, v);
}

int sk_inventory_write(const char *root, const char *name, const struct sk_inventory *v)
{
	char folder[500];

	return folder_of(root, folder, sizeof(folder)) < 0 ? -ENAMETOOLONG : sk_inventory_write_at(folder, name, v);
}

/* Appends to out while there is room. */
static bool tell(json_t *out, const char *line, size_t *room)
{
	size_t len = 4;

	for (const char *c = line; *c; c++) /* as JSON writes it */
		len += *c == '"' || *c == '\\' ? 2 : 1;
	if (len > *room)
		return false;
	*room -= len;
	json_array_append_new(out, json_string(line));
	return true;
}

/* Merges two sorted lists: what is told is taken over into `after` (may be NULL), what does not fit stays as it was before. */
static json_t *merge(const struct sk_inventory *a, const struct sk_inventory *b, size_t room,
                     struct sk_inventory *after)
{
	json_t *added = json_array(), *removed = json_array();
	bool more = false;
	size_t i = 0, k = 0;

	while (i < a->n || k < b->n) {
		int c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->line[i], b->line[k]);
		const char *line = c <= 0 ? a->line[i] : b->line[k];
		bool told = c == 0 || tell(c < 0 ? removed : added, line, &room);

		more = more || !told;
		if (after && (c == 0 || (c < 0) != told))
			push(after, line);
		i += c <= 0;
		k += c >= 0;
	}
	return json_pack("{s:o, s:o, s:b}", "added", added, "removed", removed, "more", more);
}

json_t *sk_inventory_diff(const struct sk_inventory *before, const struct sk_inventory *now, size_t bytes)
{
	return merge(before, now, bytes, NULL);
}

json_t *sk_inventory_change(const char *root, const char *name, const struct sk_inventory *v)
{
	struct sk_inventory before, after = {0};
	char file[64], from[SK_SHA256_HEX], to[SK_SHA256_HEX];
	json_t *change = NULL;

	snprintf(file, sizeof(file), "%.32s.list", name);
	(void)sk_inventory_read(root, file, &before); /* none, or not to be trusted: told from the beginning */
	sk_inventory_hash(&before, from);
	sk_inventory_hash(v, to);
	if (strcmp(from, to) != 0) {
		change = merge(&before, v, SK_INVENTORY_PIECE, &after);
		sk_inventory_hash(&after, to);
		snprintf(file, sizeof(file), "%.32s.next", name);
		if (sk_inventory_write(root, file, &after) < 0) {
			json_decref(change);
			change = NULL;
		} else {
			json_object_set_new(change, "from", json_string(from));
			json_object_set_new(change, "to", json_string(to));
		}
	}
	sk_inventory_clear(&before);
	sk_inventory_clear(&after);
	return change;
}

json_t *sk_inventory_facts(const char *root, const char *name, struct sk_inventory *v, json_t *unread, size_t bytes)
{
	struct sk_inventory accepted;
	char hash[SK_SHA256_HEX], file[64];
	json_t *facts, *diff;

	sk_inventory_sort(v);
	sk_inventory_hash(v, hash);
	facts = json_pack("{s:s, s:I, s:o}", "hash", hash, "total", (json_int_t)v->n, "unread", unread);
	snprintf(file, sizeof(file), "%.32s.baseline", name);
	int r = sk_inventory_read(root, file, &accepted);
	if (r == 0) {
		diff = sk_inventory_diff(&accepted, v, bytes);
		json_object_update(facts, diff);
		json_decref(diff);
		sk_inventory_hash(&accepted, hash);
		json_object_set_new(facts, "baseline", json_string(hash));
	} else {
		json_object_set_new(facts, "baseline", json_null());
		if (r != -ENOENT)
			json_object_set_new(facts, "why", json_string(strerror(-r)));
	}
	sk_inventory_clear(&accepted);
	diff = json_array_size(unread) == 0 ? sk_inventory_change(root, name, v) : NULL;
	if (diff)
		json_object_set_new(facts, "change", diff);
	return facts;
}
