#include "agent/ask_verdict.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/frame.h"
#include "platform/block.h"
#include "platform/internal.h"
#include "platform/mount.h"

static const char *known(const char *word)
{
	static const char *const WORDS[] = {"internal", "deny", "ro", "rw"};
	size_t i;

	for (i = 0; word != NULL && i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (strcmp(word, WORDS[i]) == 0)
			return WORDS[i];
	return NULL;
}

struct search {
	const char *root, *conf;
	int depth;
	bool refused;
};

/* Flash soldered to the board says MMC; what is put into a slot says SD. */
static bool built_in(const char *root, const char *devpath)
{
	char path[SK_DEVPATH_MAX + 64], type[16];
	const char *block = strstr(devpath, "/block/");

	if (sk_block_bus(devpath) != SK_BUS_MMC || block == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/sys%.*s/type", root, (int)(block - devpath), devpath);
	return sk_file_attr(path, type, sizeof(type)) > 0 && strcmp(type, "MMC") == 0;
}

/* A small machine may run from a card: refusing that would only kill it. */
static bool carries_system(const char *root, const char *devpath)
{
	const struct sk_blocks blocks = sk_blocks_sysfs(root);

	return sk_internal_carries_system(&blocks, sk_mount_of, devpath);
}

static int look(void *arg, const char *devpath)
{
	struct search *s = arg;
	struct sk_internal disk, list[SK_INTERNAL_MAX];
	struct sk_blocks blocks = sk_blocks_sysfs(s->root);
	int n, r;

	if (sk_block_bus(devpath) == SK_BUS_VIRTUAL) {
		if (++s->depth > 8)
			return -1;
		r = blocks.ops->slaves(blocks.ctx, devpath, look, s);
		s->depth--;
		return r;
	}
	if (sk_block_bus(devpath) == SK_BUS_INTERNAL)
		return 0;
	if (sk_block_bus(devpath) != SK_BUS_USB) {
		if (!built_in(s->root, devpath) && !carries_system(s->root, devpath))
			s->refused = true;
		return 0;
	}
	n = sk_internal_load(s->conf, list, SK_INTERNAL_MAX);
	if (n <= 0 || sk_internal_identify(s->root, devpath, &disk) < 0 ||
	    sk_internal_count(list, n, disk.port, disk.vid, disk.pid, disk.serial) == 0)
		s->refused = true;
	return 0;
}

const char *sk_verdict_alone(const char *root, const char *conf, const char *devpath)
{
	struct search s = {root, conf, 0, false};

	if (!sk_sysfs_is_devpath(devpath))
		return "deny";
	if (look(&s, devpath) < 0)
		s.refused = true;
	if (!s.refused)
		return "internal";
	(void)sk_block_shut(root, devpath); /* refused all the same when that fails */
	return "deny";
}

const char *sk_ask_verdict(const char *socket, int timeout_ms, const char *root, const char *conf, const char *devpath)
{
	json_t *request = json_pack("{s:s,s:s}", "op", "verdict", "devpath", devpath), *answer = NULL;
	const char *word = NULL;

	if (request != NULL && sk_frame_call(socket, request, timeout_ms, &answer, NULL) == 0 &&
	    json_is_true(json_object_get(answer, "ok")))
		word = known(json_string_value(json_object_get(answer, "verdict")));
	json_decref(request);
	json_decref(answer);
	return word != NULL ? word : sk_verdict_alone(root, conf, devpath);
}
