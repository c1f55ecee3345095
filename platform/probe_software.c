/*
 * P12: what is installed. dpkg's own table (with apt's mark of what came along by itself, and what belongs to the basic system), applications
 * of flatpak for the machine and for each person, snaps, what somebody put into /usr/local and /opt, and programs in the folders of people. The whole
 * list goes to the record as changes (platform/inventory.h); the facts name only what is not permitted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/homes.h"
#include "platform/inventory.h"
#include "platform/probe.h"
#include "policy/software.h"

#define STATUS_MAX  (64 * 1024 * 1024)
#define NAMED_BYTES 8000 /* what a child may print holds this, the change and what was left out */
#define LINE_MAX_   1024

struct software {
	const char *root, *approved;
	bool base;
	struct sk_inventory all, automatic; /* of everything; of names that came along by themselves: "NAME:arch" */
	json_t *unapproved;
	size_t named_bytes;
	long long unapproved_total, judged, scripts;
	struct {
		const char *pattern;
		size_t len;
		long long n;
	} licence[64];
	size_t n_licences;
};

static void take(struct software *s, const char *kind, const char *text, bool asked)
{
	size_t at = s->all.n;

	sk_inventory_add(&s->all, kind, text);
	if (s->all.n == at)
		return;
	const char *line = s->all.line[at];
	for (size_t i = 0; i < s->n_licences; i++)
		s->licence[i].n += sk_software_matches_word(s->licence[i].pattern, s->licence[i].len, line);
	if (!asked)
		return;
	s->judged++;
	if (sk_software_matches(s->approved, line))
		return;
	s->unapproved_total++;
	s->named_bytes += strlen(line) + 8;
	if (s->named_bytes <= NAMED_BYTES)
		json_array_append_new(s->unapproved, json_string(line));
}

/* A table of paragraphs, line by line: a regular file, not followed, bounded. NULL and errno. */
static FILE *table(const char *root, const char *path)
{
	char full[600];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	int fd = open(full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > STATUS_MAX) {
		close(fd);
		errno = EFBIG;
		return NULL;
	}
	return fdopen(fd, "re");
}

/* The next line without its end; what is over LINE_MAX_ is passed over. False at the end. */
static bool next_line(FILE *f, char *line)
{
	if (!fgets(line, LINE_MAX_, f))
		return false;
	size_t n = strcspn(line, "\n");
	if (line[n] == '\0' && n == LINE_MAX_ - 1)
		for (int c = fgetc(f); c != EOF && c != '\n';)
			c = fgetc(f);
	line[n] = '\0';
	return true;
}

static bool field(const char *line, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return false;
	sk_text_copy(out, size, line + n + 1 + strspn(line + n + 1, " \t"));
	return true;
}

/* apt writes the machine's own architecture for packages of all: both names are kept. */
static void read_automatic(struct software *s)
{
	char line[LINE_MAX_], name[128] = "", arch[32] = "", mark[8] = "";
	FILE *f = table(s->root, "/var/lib/apt/extended_states");

	if (!f)
		return;
	for (bool more = true; more;) {
		more = next_line(f, line);
		if (!more || line[0] == '\0') {
			if (name[0] && strcmp(mark, "1") == 0) {
				sk_inventory_add(&s->automatic, arch, name);
				sk_inventory_add(&s->automatic, "all", name);
			}
			name[0] = arch[0] = mark[0] = '\0';
		} else if (!field(line, "Package", name, sizeof(name)) &&
		           !field(line, "Architecture", arch, sizeof(arch))) {
			(void)field(line, "Auto-Installed", mark, sizeof(mark));
		}
	}
	fclose(f);
	sk_inventory_sort(&s->automatic);
}

struct package {
	char name[128], version[128], arch[32], status[64], priority[24], essential[8];
};

static void take_package(struct software *s, const struct package *p)
{
	const char *state = strrchr(p->status, ' ');
	char text[300], key[192];

	if (!p->name[0] || !state || strcmp(state, " not-installed") == 0 || strcmp(state, " config-files") == 0)
		return;
	snprintf(text, sizeof(text), "%s %s", p->name, p->version);
	snprintf(key, sizeof(key), "%.20s:%s", p->arch, p->name);
	bool base = s->base && (strcmp(p->essential, "yes") == 0 || strcmp(p->priority, "required") == 0 ||
	                        strcmp(p->priority, "important") == 0 || strcmp(p->priority, "standard") == 0);
	take(s, "dpkg", text, !base && !sk_inventory_has(&s->automatic, key));
}

static int read_dpkg(struct software *s)
{
	char line[LINE_MAX_];
	struct package p = {0};
	FILE *f = table(s->root, "/var/lib/dpkg/status");

	if (!f)
		return -errno;
	for (bool more = true; more;) {
		more = next_line(f, line);
		if (!more || line[0] == '\0') {
			take_package(s, &p);
			memset(&p, 0, sizeof(p));
		} else if (!field(line, "Package", p.name, sizeof(p.name)) &&
		           !field(line, "Version", p.version, sizeof(p.version)) &&
		           !field(line, "Architecture", p.arch, sizeof(p.arch)) &&
		           !field(line, "Status", p.status, sizeof(p.status)) &&
		           !field(line, "Priority", p.priority, sizeof(p.priority))) {
			(void)field(line, "Essential", p.essential, sizeof(p.essential));
		}
	}
	int r = ferror(f) ? -EIO : 0;
	fclose(f);
	return r;
}

/* Names in a folder, not followed, at most 2000. */
static void names(struct software *s, const char *folder,
                  void (*each)(struct software *s, const char *folder, const char *name))
{
	char full[PATH_MAX];
	int n = 0;

	if (snprintf(full, sizeof(full), "%s%s", s->root, folder) >= (int)sizeof(full))
		return;
	int fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && n < 2000 && (e = readdir(d)); n++)
		if (e->d_name[0] != '.')
			each(s, folder, e->d_name);
	if (d)
		closedir(d);
}

static void take_flatpak(struct software *s, const char *folder, const char *name)
{
	char path[PATH_MAX], version[128];

	snprintf(path, sizeof(path), "%s%.600s/%.255s/current", s->root, folder, name);
	ssize_t n = readlink(path, version, sizeof(version) - 1);
	version[n > 0 ? n : 0] = '\0';
	snprintf(path, sizeof(path), "%.255s %s", name, version);
	take(s, "flatpak", path, true);
}

/* What snaps stand on. */
static bool is_base_snap(const char *text)
{
	return strncmp(text, "snapd ", 6) == 0 || strncmp(text, "bare ", 5) == 0 ||
	       (strncmp(text, "core", 4) == 0 && strspn(text + 4, "0123456789") == strcspn(text + 4, " "));
}

static void take_snap(struct software *s, const char *folder, const char *name)
{
	char text[256];
	size_t n = strlen(name);

	(void)folder;
	if (n < 6 || n >= sizeof(text) || strcmp(name + n - 5, ".snap") != 0)
		return;
	sk_text_copy(text, sizeof(text), name);
	text[n - 5] = '\0';
	char *under = strrchr(text, '_');
	if (under)
		*under = ' ';
	take(s, "snap", text, !(s->base && is_base_snap(text)));
}

static void take_local(struct software *s, const char *folder, const char *name)
{
	char text[512];

	snprintf(text, sizeof(text), "%.200s/%.255s", folder, name);
	take(s, "local", text, true);
}

static void on_home(void *ctx, enum sk_home_kind kind, const char *path)
{
	struct software *s = ctx;

	if (kind == SK_HOME_SCRIPT)
		s->scripts++;
	else
		take(s, kind == SK_HOME_APPIMAGE ? "appimage" : "home", path, true);
}

static json_t *read_homes(struct software *s)
{
	struct sk_homes h = {.root = s->root, .found = on_home, .ctx = s};

	return sk_homes_walk(&h) == 0 ? h.left_out : json_array();
}

/* Each person's own applications of flatpak. */
static void take_person(struct software *s, const char *folder, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.100s/%.255s/.local/share/flatpak/app", folder, name);
	names(s, path, take_flatpak);
}

static void split_licences(struct software *s, const char *list)
{
	while (*list && s->n_licences < 64) {
		size_t n = strcspn(list, " ");

		s->licence[s->n_licences].pattern = list;
		s->licence[s->n_licences++].len = n;
		list += n;
		list += strspn(list, " ");
	}
}

static json_t *facts_of(struct software *s, json_t *left_out, int why)
{
	json_t *licences = json_array(), *facts, *change;
	char hash[SK_SHA256_HEX], pattern[256];

	for (size_t i = 0; i < s->n_licences; i++) {
		snprintf(pattern, sizeof(pattern), "%.*s", (int)s->licence[i].len, s->licence[i].pattern);
		json_array_append_new(licences,
		                      json_pack("{s:s, s:I}", "pattern", pattern, "n", (json_int_t)s->licence[i].n));
	}
	sk_inventory_sort(&s->all);
	sk_inventory_hash(&s->all, hash);
	if (s->all.cut)
		json_array_append_new(left_out, json_string("more things than can be listed"));
	if (why < 0)
		return json_pack("{s:s, s:o, s:o}", "why", strerror(-why), "left_out", left_out, "licences", licences);
	facts = json_pack("{s:I, s:I, s:O, s:I, s:o, s:o, s:I, s:s}", "total", (json_int_t)s->all.n, "judged",
	                  (json_int_t)s->judged, "unapproved", s->unapproved, "unapproved_total",
	                  (json_int_t)s->unapproved_total, "licences", licences, "left_out", left_out, "scripts",
	                  (json_int_t)s->scripts, "hash", hash);
	change = sk_inventory_change(s->root, "software", &s->all);
	if (change)
		json_object_set_new(facts, "change", change);
	return facts;
}

json_t *sk_probe_software(const char *root, const struct sk_software_options *o)
{
	struct software *s = calloc(1, sizeof(*s));
	json_t *facts;
	int r;

	if (!s)
		return NULL;
	s->root = root;
	s->approved = o->approved;
	s->base = o->base;
	s->unapproved = json_array();
	split_licences(s, o->licences);
	read_automatic(s);
	r = read_dpkg(s);
	names(s, "/var/lib/flatpak/app", take_flatpak);
	names(s, "/home", take_person);
	names(s, "/var/lib/snapd/snaps", take_snap);
	names(s, "/usr/local/bin", take_local);
	names(s, "/usr/local/sbin", take_local);
	names(s, "/opt", take_local);
	facts = facts_of(s, o->homes ? read_homes(s) : json_array(), r);
	sk_inventory_clear(&s->all);
	sk_inventory_clear(&s->automatic);
	json_decref(s->unapproved);
	free(s);
	return facts;
}
