/*
 * P2: what lies under every writable file system and every swap. A volume is a node in a graph: /sys/dev/block/MAJ:MIN, then all of
 * slaves/, a partition's disk, a loop device's backing file's file system. It is encrypted when every way down crosses a crypt mapping with a
 * real cipher before it reaches a disk. What cannot be followed (ZFS, a vanished node, too deep) is unknown.
 */
#include "platform/probe.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"

#define DEPTH_MAX   24
#define VOLUMES_MAX 128

enum walk { WALK_ENCRYPTED = 0, WALK_UNKNOWN = 1, WALK_PLAIN = 2 };

struct walker {
	const char *root;
	sk_cipher_fn cipher_of;
	json_t *chain; /* names passed, for the evidence */
	char cipher[128]; /* of the weakest layer seen; "" */
	int key_bits;
	char why[160];
};

static enum walk walk_node(struct walker *w, const char *node, int depth);
static enum walk walk_mount_of(struct walker *w, const char *path, int depth);
static enum walk walk_fs(struct walker *w, const char *fs, const char *node, int depth);

static int attr(const struct walker *w, const char *node, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/%s", w->root, node, name);
	return (int)sk_file_attr(path, out, size);
}

static bool is_crypt(const char *uuid)
{
	static const char *const kinds[] = {"CRYPT-LUKS1-", "CRYPT-LUKS2-", "CRYPT-PLAIN-", "CRYPT-TCRYPT-",
	                                    "CRYPT-BITLK-"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strncmp(uuid, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static enum walk walk_crypt(struct walker *w, const char *node)
{
	char name[256], cipher[128] = "";
	int bits = 0;

	if (attr(w, node, "dm/name", name, sizeof(name)) <= 0 || !w->cipher_of ||
	    w->cipher_of(name, cipher, sizeof(cipher), &bits) < 0 || cipher[0] == '\0') {
		snprintf(w->why, sizeof(w->why), "%s: the cipher of the mapping could not be read", node);
		return WALK_UNKNOWN;
	}
	if (strncmp(cipher, "cipher_null", 11) == 0) {
		snprintf(w->why, sizeof(w->why), "%s: cipher_null encrypts nothing", node);
		return WALK_PLAIN;
	}
	sk_text_copy(w->cipher, sizeof(w->cipher), cipher);
	w->key_bits = bits;
	return WALK_ENCRYPTED;
}

/* All members of a folder of links to nodes; WALK_UNKNOWN with *n = 0 when there are none. */
static enum walk walk_all_in(struct walker *w, const char *folder, int depth, int *n)
{
	enum walk worst = WALK_ENCRYPTED;
	DIR *dir = opendir(folder);

	*n = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		enum walk r = walk_node(w, e->d_name, depth + 1);
		worst = r > worst ? r : worst;
		(*n)++;
	}
	if (dir)
		closedir(dir);
	return *n ? worst : WALK_UNKNOWN;
}

static enum walk walk_leaf(struct walker *w, const char *node, int depth)
{
	char value[PATH_MAX], path[PATH_MAX], target[PATH_MAX];

	if (strncmp(node, "zram", 4) == 0) {
		if (attr(w, node, "backing_dev", value, sizeof(value)) > 0 && strcmp(value, "none") != 0)
			return walk_node(w, strncmp(value, "/dev/", 5) == 0 ? value + 5 : value, depth + 1);
		return WALK_ENCRYPTED; /* memory only: nothing reaches a disk */
	}
	if (attr(w, node, "loop/backing_file", value, sizeof(value)) > 0)
		return walk_mount_of(w, value, depth + 1);
	if (attr(w, node, "partition", value, sizeof(value)) > 0) {
		snprintf(path, sizeof(path), "%s/sys/class/block/%s", w->root, node);
		if (!realpath(path, target))
			return WALK_UNKNOWN;
		char *slash = strrchr(target, '/');
		if (slash)
			*slash = '\0';
		slash = strrchr(target, '/');
		return slash ? walk_node(w, slash + 1, depth + 1) : WALK_UNKNOWN;
	}
	return WALK_PLAIN; /* a disk */
}

static enum walk walk_node(struct walker *w, const char *node, int depth)
{
	char path[PATH_MAX], uuid[256], shown[256];
	struct stat st;
	int n;

	if (depth > DEPTH_MAX) {
		snprintf(w->why, sizeof(w->why), "more than %d layers", DEPTH_MAX);
		return WALK_UNKNOWN;
	}
	sk_text_printable(shown, sizeof(shown), node, strlen(node));
	json_array_append_new(w->chain, json_string(shown));
	snprintf(path, sizeof(path), "%s/sys/class/block/%s", w->root, node);
	if (stat(path, &st) < 0) {
		snprintf(w->why, sizeof(w->why), "%.100s: no such block device", shown);
		return WALK_UNKNOWN;
	}
	if (attr(w, node, "dm/uuid", uuid, sizeof(uuid)) > 0 && is_crypt(uuid)) {
		enum walk r = walk_crypt(w, node);
		if (r != WALK_PLAIN)
			return r;
	}
	snprintf(path, sizeof(path), "%s/sys/class/block/%s/slaves", w->root, node);
	enum walk below = walk_all_in(w, path, depth, &n);
	return n ? below : walk_leaf(w, node, depth);
}

/* The node of a device number, by the link in /sys/dev/block. */
static int node_of(const char *root, unsigned maj, unsigned min, char *out, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u", root, maj, min);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return -1;
	target[n] = '\0';
	const char *slash = strrchr(target, '/');
	sk_text_copy(out, size, slash ? slash + 1 : target);
	return 0;
}

struct mount_line {
	unsigned maj, min;
	char point[1024], fs[64], source[1024], super[256];
};

/* One line of mountinfo; octal escapes are left as they are. Returns false for lines of another shape. */
static bool parse_mount(const char *line, struct mount_line *m)
{
	char options[1024];
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%*d %*d %u:%u %*s %1023s %1023s", &m->maj, &m->min, m->point, options) != 4)
		return false;
	return sscanf(dash + 3, "%63s %1023s %255s", m->fs, m->source, m->super) == 3;
}

static void last_name(const char *path, char *out, size_t size)
{
	char link[PATH_MAX];
	const char *base = realpath(path, link) ? link : path, *slash = strrchr(base, '/');

	sk_text_copy(out, size, slash ? slash + 1 : base);
}

/* The node a mounted file system lies on; false: no disk beneath (tmpfs, network, proc ...). Btrfs has no device number of its own: by its source. */
static bool node_of_mount(const char *root, const struct mount_line *m, char *out, size_t size)
{
	if (m->maj != 0) {
		if (node_of(root, m->maj, m->min, out, size) < 0)
			sk_text_copy(out, size, "?");
		return true;
	}
	/* What a person mounts by FUSE may call itself anything. */
	if (strncmp(m->source, "/dev/", 5) != 0 || strcmp(m->fs, "fuse") == 0 || strncmp(m->fs, "fuse.", 5) == 0)
		return false;
	last_name(m->source, out, size);
	return true;
}

static int read_mounts(const char *root, struct sk_buf *text, struct sk_err *err)
{
	char path[PATH_MAX];

	sk_buf_init(text, 1024 * 1024);
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	return sk_file_read(path, text, err);
}

/* /proc/swaps and mountinfo write blanks as \040. In place. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		unsigned c;
		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1 && strspn(s + 1, "01234567") >= 3 && c < 256) {
			*out++ = (char)c;
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

/* How much of path the mount point covers; 0 = it does not. */
static size_t covers(const char *point, const char *path)
{
	size_t n = strlen(point);

	if (n == 1)
		return path[0] == '/' ? 1 : 0;
	return strncmp(point, path, n) == 0 && (path[n] == '/' || path[n] == '\0') ? n : 0;
}

/* The mount a path lies in: the longest point, of equal ones the last. */
static bool mount_of(const char *root, const char *path, struct mount_line *best)
{
	struct mount_line m;
	struct sk_buf text;
	size_t longest = 0;
	char *save = NULL;

	if (read_mounts(root, &text, NULL) == 0) {
		for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			if (!parse_mount(line, &m))
				continue;
			unescape(m.point);
			size_t n = covers(m.point, path);
			if (n >= longest && n > 0) {
				longest = n;
				*best = m;
			}
		}
	}
	sk_buf_deinit(&text);
	return longest > 0;
}

/* The file system that holds a file, by the device number that stat gives, which btrfs makes up for itself: then by where it is mounted. */
static enum walk walk_mount_of(struct walker *w, const char *path, int depth)
{
	struct mount_line m;
	struct stat st;
	char node[256] = "", full[PATH_MAX];

	if (stat(path, &st) == 0) {
		if (node_of(w->root, major(st.st_dev), minor(st.st_dev), node, sizeof(node)) == 0)
			return walk_node(w, node, depth);
		if (realpath(path, full) && mount_of(w->root, full, &m) &&
		    node_of_mount(w->root, &m, node, sizeof(node)))
			return walk_fs(w, m.fs, node, depth);
	}
	snprintf(w->why, sizeof(w->why), "the file system of a backing file could not be found");
	return WALK_UNKNOWN;
}

/* Btrfs: every member device of the file system that holds this one. */
static enum walk walk_btrfs(struct walker *w, const char *node, int depth)
{
	char path[PATH_MAX], member[PATH_MAX];
	enum walk result = WALK_UNKNOWN;
	struct stat st;

	snprintf(path, sizeof(path), "%s/sys/fs/btrfs", w->root);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 64)
			continue;
		snprintf(member, sizeof(member), "%s/sys/fs/btrfs/%s/devices/%s", w->root, e->d_name, node);
		if (stat(member, &st) < 0)
			continue;
		int n;
		snprintf(member, sizeof(member), "%s/sys/fs/btrfs/%s/devices", w->root, e->d_name);
		result = walk_all_in(w, member, depth, &n);
		break;
	}
	if (dir)
		closedir(dir);
	return result;
}

static enum walk walk_fs(struct walker *w, const char *fs, const char *node, int depth)
{
	if (strcmp(fs, "bcachefs") == 0) { /* its members stand in no folder of sysfs that is promised */
		snprintf(w->why, sizeof(w->why), "bcachefs is not examined");
		return WALK_UNKNOWN;
	}
	return strcmp(fs, "btrfs") == 0 ? walk_btrfs(w, node, depth) : walk_node(w, node, depth);
}

static bool on_removable_bus(const char *root, const char *node)
{
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/class/block/%s", root, node);
	return realpath(path, target) && strstr(target, "/usb") != NULL;
}

static json_t *volume_json(struct walker *w, enum walk r, const char *use, const char *kind, const char *node,
                           const char *fs)
{
	char shown[1024], shown_node[256], shown_fs[64];

	/* Names of any bytes: a volume that cannot be written down must not be left out. */
	sk_text_printable(shown, sizeof(shown), use, strlen(use));
	sk_text_printable(shown_node, sizeof(shown_node), node, strlen(node));
	sk_text_printable(shown_fs, sizeof(shown_fs), fs, strlen(fs));
	json_t *v = json_pack("{s:s, s:s, s:s, s:s, s:O}", "use", shown, "kind", kind, "node", shown_node, "fs",
	                      shown_fs, "chain", w->chain);

	json_object_set_new(v, "encrypted", r == WALK_UNKNOWN ? json_null() : json_boolean(r == WALK_ENCRYPTED));
	if (w->cipher[0])
		json_object_update_new(v, json_pack("{s:s, s:i}", "cipher", w->cipher, "key_bits", w->key_bits));
	if (w->why[0])
		json_object_set_new(v, "why", json_string(w->why));
	return v;
}

static void examine(json_t *volumes, const char *root, sk_cipher_fn cipher, const char *use, const char *kind,
                    const char *node, const char *fs)
{
	struct walker w = {.root = root, .cipher_of = cipher, .chain = json_array()};
	enum walk r;

	if (json_array_size(volumes) < VOLUMES_MAX && w.chain) {
		r = walk_fs(&w, fs, node, 0);
		json_array_append_new(volumes, volume_json(&w, r, use, kind, node, fs));
	} else if (json_array_size(volumes) == VOLUMES_MAX && w.chain) { /* what was not looked at is no pass */
		snprintf(w.why, sizeof(w.why), "more than %d volumes", VOLUMES_MAX);
		json_array_append_new(volumes, volume_json(&w, WALK_UNKNOWN, use, kind, node, fs));
	}
	json_decref(w.chain);
}

static bool already(const json_t *volumes, const char *node, const char *kind)
{
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *v = json_array_get(volumes, i);
		const char *other = json_string_value(json_object_get(v, "node"));
		const char *other_kind = json_string_value(json_object_get(v, "kind"));
		if (other && other_kind && strcmp(other, node) == 0 && strcmp(other_kind, kind) == 0)
			return true;
	}
	return false;
}

static const char *mount_kind(const char *point)
{
	return strcmp(point, "/boot") == 0 || strcmp(point, "/boot/efi") == 0 || strcmp(point, "/efi") == 0 ? "boot"
	                                                                                                    : "mount";
}

static void examine_mount(json_t *volumes, const char *root, sk_cipher_fn cipher, const struct mount_line *m)
{
	char node[256];
	bool writable = strncmp(m->super, "rw", 2) == 0 && (m->super[2] == ',' || m->super[2] == '\0');

	if (!writable)
		return;
	if (strcmp(m->fs, "zfs") == 0) {
		struct walker w = {.chain = json_array(), .why = "ZFS datasets are not examined"};

		json_array_append_new(volumes, volume_json(&w, WALK_UNKNOWN, m->point, "mount", m->source, "zfs"));
		json_decref(w.chain);
		return;
	}
	if (!node_of_mount(root, m, node, sizeof(node)))
		return;
	if (!already(volumes, node, mount_kind(m->point)) && !on_removable_bus(root, node))
		examine(volumes, root, cipher, m->point, mount_kind(m->point), node, m->fs);
}

/* A swap file is as encrypted as the file system that holds it. */
static void examine_swap_file(json_t *volumes, const char *root, sk_cipher_fn cipher, const char *name)
{
	struct walker w = {.root = root, .cipher_of = cipher, .chain = json_array()};

	if (json_array_size(volumes) < VOLUMES_MAX && w.chain) {
		enum walk r = walk_mount_of(&w, name, 0);
		const char *first = json_string_value(json_array_get(w.chain, 0));
		char node[256];
		sk_text_copy(node, sizeof(node), first ? first : "?");
		json_array_append_new(volumes, volume_json(&w, r, name, "swap", node, "swap"));
	}
	json_decref(w.chain);
}

static void examine_swaps(json_t *volumes, const char *root, sk_cipher_fn cipher, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[1024], type[32], node[256];
		if (sscanf(line, "%1023s %31s", name, type) != 2 || strcmp(name, "Filename") == 0)
			continue;
		unescape(name);
		if (strcmp(type, "partition") == 0) {
			last_name(name, node, sizeof(node));
			examine(volumes, root, cipher, name, "swap", node, "swap");
		} else {
			examine_swap_file(volumes, root, cipher, name);
		}
	}
}

json_t *sk_probe_disk(const char *root, sk_cipher_fn cipher)
{
	struct sk_buf text;
	struct sk_err err = SK_ERR_INIT;
	char path[PATH_MAX];
	struct stat st;
	json_t *volumes = json_array();

	if (read_mounts(root, &text, &err) < 0) {
		sk_buf_deinit(&text);
		json_decref(volumes);
		return json_pack("{s:s}", "error", err.text);
	}
	char *save = NULL;
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct mount_line m;
		if (parse_mount(line, &m))
			examine_mount(volumes, root, cipher, &m);
	}
	sk_buf_reset(&text);
	snprintf(path, sizeof(path), "%s/proc/swaps", root);
	if (sk_file_read(path, &text, NULL) == 0)
		examine_swaps(volumes, root, cipher, text.data);
	sk_buf_deinit(&text);
	snprintf(path, sizeof(path), "%s/sys/class/tpm/tpm0", root);
	return json_pack("{s:o, s:b}", "volumes", volumes, "tpm", stat(path, &st) == 0);
}
