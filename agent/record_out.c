#include "agent/record_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

int sk_record_out_init(struct sk_record_out *o, int folder)
{
	(void)memset(o, 0, sizeof(*o));
	o->folder = folder;
	o->batch = json_array();
	return o->batch != NULL ? 0 : -ENOMEM;
}

void sk_record_out_deinit(struct sk_record_out *o)
{
	json_decref(o->batch);
	o->batch = NULL;
}

static int write_whole(int folder, const char *name, const char *text)
{
	size_t len = strlen(text);
	int fd = openat(folder, "tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	(void)close(fd);
	if (n != (ssize_t)len)
		return -EIO;
	return renameat(folder, "tmp", folder, name) < 0 ? -errno : 0;
}

static void put(struct sk_record_out *o, json_t *body)
{
	char name[32], *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;

	(void)snprintf(name, sizeof(name), "%08u.json", o->next);
	if (text == NULL || write_whole(o->folder, name, text) < 0)
		o->failed = true;
	else
		o->next++;
	free(text);
	json_decref(body);
}

void sk_record_out_flush(struct sk_record_out *o)
{
	if (json_array_size(o->batch) == 0)
		return;
	put(o, json_pack("{s:O}", "files", o->batch));
	json_decref(o->batch);
	o->batch = json_array();
	o->bytes = 0;
	if (o->batch == NULL)
		o->failed = true;
}

void sk_record_out_file(struct sk_record_out *o, const struct sk_record_file *f, const char *op, int64_t size,
                        const char *sha256, const char *why, const char *person)
{
	char path[1024];
	json_t *e;
	size_t len;

	(void)sk_text_escape(path, sizeof(path), f->path, strlen(f->path));
	e = json_pack("{s:s,s:s,s:I,s:s?,s:s?,s:s?,s:I}", "path", path, "op", op, "size", (json_int_t)size, "sha256",
	              sha256, "person", person, "process", f->process[0] != '\0' ? f->process : NULL, "at",
	              (json_int_t)f->at);
	if (e != NULL && why != NULL)
		(void)json_object_set_new(e, "why", json_string(why));
	len = e != NULL ? json_dumpb(e, NULL, 0, JSON_COMPACT) : 0;
	if (o->bytes + len > SK_RECORD_BYTES || json_array_size(o->batch) >= SK_RECORD_BATCH)
		sk_record_out_flush(o);
	if (e == NULL || json_array_append_new(o->batch, e) < 0) {
		o->failed = true;
		return;
	}
	o->bytes += len + 1;
	if (strcmp(op, "removed") == 0)
		return;
	o->files++;
	o->total += size;
	o->not_hashed += sha256 == NULL;
}

void sk_record_out_gap(struct sk_record_out *o, const char *reason, long long count)
{
	put(o, json_pack("{s:s,s:I}", "gap", reason, "count", (json_int_t)count));
}

void sk_record_out_ready(struct sk_record_out *o)
{
	if (write_whole(o->folder, "ready", "{}") < 0)
		o->failed = true;
}

void sk_record_out_end(struct sk_record_out *o)
{
	sk_record_out_flush(o);
	if (!o->failed)
		put(o, json_pack("{s:b,s:I,s:I,s:I}", "end", 1, "files", (json_int_t)o->files, "bytes",
		                 (json_int_t)o->total, "not_hashed", (json_int_t)o->not_hashed));
}
