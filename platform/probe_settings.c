/*
 * P8: the scanner's own settings, file by file, each with its hash and who may write it; held against what was accepted (platform/inventory.h). A
 * missing file is a line of its own: it may come later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/inventory.h"
#include "platform/probe.h"

#define FILE_BYTES (4 * 1024 * 1024)
#define TOLD_BYTES 4000

static void take(const char *root, const char *path, struct sk_inventory *v, json_t *unread)
{
	char full[600], line[600], hash[SK_SHA256_HEX];
	struct stat st;
	struct sk_buf b;
	int r;

	if (path[0] != '/' || snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full))
		return;
	sk_buf_init(&b, FILE_BYTES);
	r = sk_file_read(full, &b, NULL);
	if (r == -ENOENT || r == -ENOTDIR) {
		snprintf(line, sizeof(line), "%.150s -", path);
		sk_inventory_add(v, "file", line);
	} else if (r < 0 || lstat(full, &st) < 0) {
		snprintf(line, sizeof(line), "%.150s: %s", path, strerror(r < 0 ? -r : errno));
		json_array_append_new(unread, json_string(line));
	} else {
		sk_sha256_hex(b.data, b.len, hash);
		snprintf(line, sizeof(line), "%.150s %.16s %o %u", path, hash, (unsigned)st.st_mode & 07777,
		         (unsigned)st.st_uid);
		sk_inventory_add(v, "file", line);
	}
	sk_buf_deinit(&b);
}

json_t *sk_probe_settings(const char *root, const char *files)
{
	struct sk_inventory now = {0};
	json_t *unread = json_array(), *facts;
	char *list = strdup(files), *save = NULL;

	for (char *w = list ? strtok_r(list, " ", &save) : NULL; w; w = strtok_r(NULL, " ", &save))
		take(root, w, &now, unread);
	free(list);
	facts = sk_inventory_facts(root, "antivirus-settings", &now, unread, TOLD_BYTES);
	sk_inventory_clear(&now);
	return facts;
}
