/* P12: what is installed, from made-up trees; the folders of people as hostile as they can be; what goes into the record, piece by piece. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/homes.h"
#include "platform/inventory.h"
#include "platform/probe.h"
#include "policy/software.h"
#include "tests/unit/check_help.h"

static char root[64];

static const char *in_root(const char *path)
{
	static char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static void put_bytes(const char *path, const void *data, size_t len, mode_t mode)
{
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, data, len, mode, NULL), 0);
}

static void put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text), 0644);
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-software-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:40 / /home/a/net rw - nfs4 srv:/x rw\n"
	                            "3 1 0:41 / /home/on\\040server rw - cifs //s/x rw\n");
	put("/etc/passwd",
	    "root:x:0:0::/root:/bin/sh\na:x:1000:1000::/home/a:/bin/sh\nb:x:1001:1001::/srv/b:/bin/sh\n"
	    "n:x:65534:1::/nonexistent:/bin/sh\nd:x:1002:1002::/:/bin/sh\ne:x:1003:3::/home/a/../../etc:/x\n");
	cr_assert_eq(sk_mkdir_p(in_root("/var/lib/sekimori"), 0700), 0);
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(software, .init = start, .fini = stop);

static bool has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
			return true;
	return false;
}

static json_t *member(json_t *o, const char *name)
{
	return json_object_get(o, name);
}

#define ELF      "\177ELF\2\1\1\0\0\0\0\0 rest of it"
#define APPIMAGE "\177ELF\2\1\1\0AI\2\0 rest of it"

#define STATUS \
	"Package: base-files\nEssential: yes\nStatus: install ok installed\nPriority: required\nArchitecture: amd64\n" \
	"Version: 12.4\n\n" \
	"Package: libfoo\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nVersion: 1.0-1\n\n" \
	"Package: icons\nStatus: install ok installed\nPriority: optional\nArchitecture: all\nVersion: 2\n\n" \
	"Package: game\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nVersion: 3\n" \
	"Description: text\n Package: not-this\n .\n\n" \
	"Package: gone\nStatus: deinstall ok config-files\nPriority: optional\nArchitecture: amd64\nVersion: 4\n\n" \
	"Package: half\nStatus: install reinstreq half-installed\nPriority: optional\nArchitecture: amd64\nVersion: " \
	"5\n"
#define AUTO \
	"Package: libfoo\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: icons\nArchitecture: " \
	"amd64\nAuto-Installed: 1\n\n" \
	"Package: game\nArchitecture: amd64\nAuto-Installed: 0\n"

static json_t *probe(const char *approved, const char *licences)
{
	const struct sk_software_options o = {.approved = approved, .licences = licences, .base = true, .homes = true};

	return sk_probe_software(root, &o);
}

Test(software, packages_by_what_was_asked_for)
{
	put("/var/lib/dpkg/status", STATUS);
	put("/var/lib/apt/extended_states", AUTO);
	put("/usr/local/bin/tool", "x");
	put("/opt/vendor/x", "x");
	put("/var/lib/snapd/snaps/firefox_4173.snap", "x");
	put("/var/lib/snapd/snaps/core22_1122.snap", "x");
	put("/var/lib/flatpak/app/org.gimp.GIMP/x", "x");
	cr_assert_eq(symlink("x86_64/stable", in_root("/var/lib/flatpak/app/org.gimp.GIMP/current")), 0);
	put("/home/a/.local/share/flatpak/app/org.game.Own/x", "x");
	json_t *f = probe("gam? dpkg:half /opt/* local:/opt/vendor", "dpkg:game firefox none");
	json_t *bad = member(f, "unapproved");

	cr_expect_eq(json_integer_value(member(f, "total")), 11);
	cr_expect_eq(json_array_size(bad), 4);
	cr_expect(has(bad, "local:/usr/local/bin/tool"));
	cr_expect(has(bad, "snap:firefox 4173"));
	cr_expect(has(bad, "flatpak:org.gimp.GIMP x86_64/stable"));
	cr_expect(has(bad, "flatpak:org.game.Own"));
	cr_expect_eq(json_integer_value(member(json_array_get(member(f, "licences"), 0), "n")), 1);
	cr_expect_eq(json_integer_value(member(json_array_get(member(f, "licences"), 1), "n")), 1);
	cr_expect_eq(json_integer_value(member(json_array_get(member(f, "licences"), 2), "n")), 0);
	json_t *added = member(member(f, "change"), "added");
	cr_expect(has(added, "dpkg:libfoo 1.0-1") && has(added, "dpkg:half 5") && !has(added, "dpkg:gone 4"));
	json_decref(f);
}

Test(software, no_table_is_no_answer)
{
	json_t *f = probe("*", "");

	cr_expect_null(member(f, "total"));
	cr_expect_not_null(member(f, "why"));
	json_decref(f);
	cr_assert_eq(sk_mkdir_p(in_root("/var/lib/dpkg"), 0755), 0);
	cr_assert_eq(mkfifo(in_root("/var/lib/dpkg/status"), 0600), 0);
	f = probe("*", ""); /* and does not wait */
	cr_expect_null(member(f, "total"));
	json_decref(f);
}

Test(software, lines_without_end)
{
	char *text = malloc(300000);
	size_t n = (size_t)sprintf(text, "Package: a\nStatus: install ok installed\nVersion: ");

	memset(text + n, '9', 200000);
	strcpy(text + n + 200000,
	       "\nPriority: optional\n\nPackage: b\nStatus: install ok installed\nVersion: \"\\\x1b\n");
	put("/var/lib/dpkg/status", text);
	free(text);
	json_t *f = probe("*", "");
	cr_expect_eq(json_integer_value(member(f, "total")), 2);
	cr_expect_eq(json_integer_value(member(f, "unapproved_total")), 0);
	json_decref(f);
}

Test(software, programs_of_people)
{
	put("/var/lib/dpkg/status", "");
	put_bytes("/home/a/bin/tool", ELF, sizeof(ELF), 0755);
	put_bytes("/home/a/lib/x.so", ELF, sizeof(ELF), 0644);
	put_bytes("/home/a/My App.AppImage", APPIMAGE, sizeof(APPIMAGE), 0644);
	put_bytes("/home/a/net/there", ELF, sizeof(ELF), 0755);
	put_bytes("/home/on server/there", ELF, sizeof(ELF), 0755);
	put_bytes("/home/left/behind", ELF, sizeof(ELF), 0755);
	put_bytes("/srv/b/run.sh", "#!/bin/sh\necho hello\n", 21, 0755);
	put_bytes("/etc/out", ELF, sizeof(ELF), 0755);
	put_bytes("/home/a/\x1b[2J\"", ELF, sizeof(ELF), 0755);
	cr_assert_eq(symlink("/etc", in_root("/home/a/etc")), 0);
	cr_assert_eq(symlink("/etc/out", in_root("/home/a/link")), 0);
	cr_assert_eq(mkfifo(in_root("/home/a/pipe.AppImage"), 0777), 0);
	json_t *f = probe("home:/home/left/*", ""), *bad = member(f, "unapproved");

	cr_expect_eq(json_array_size(bad), 3);
	cr_expect(has(bad, "home:/home/a/bin/tool"));
	cr_expect(has(bad, "appimage:/home/a/My App.AppImage"));
	cr_expect(has(bad, "home:/home/a/\\x1b[2J\""));
	cr_expect_eq(json_integer_value(member(f, "scripts")), 1);
	cr_expect_eq(json_array_size(member(f, "left_out")), 1);
	cr_expect(has(member(f, "left_out"), "/home/on server: it is on a server"));
	json_decref(f);
}

static int found_count;

static void count_found(void *ctx, enum sk_home_kind kind, const char *path)
{
	(void)ctx;
	(void)kind;
	(void)path;
	found_count++;
}

Test(software, too_deep_and_too_long_is_told)
{
	char name[220];
	int dir = open(in_root(""), O_RDONLY | O_DIRECTORY);

	cr_assert_eq(sk_mkdir_p(in_root("/home/a"), 0755), 0);
	cr_assert_eq(fchdir(dir), 0);
	cr_assert_eq(chdir("home/a"), 0);
	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 60; i++) {
		cr_assert_eq(mkdir(name, 0755), 0);
		cr_assert_eq(chdir(name), 0);
	}
	struct sk_homes h = {.root = root, .found = count_found};
	cr_assert_eq(sk_homes_walk(&h), 0);
	cr_expect(has(h.left_out, "/home/a: a path is too long"));
	json_decref(h.left_out);
	put("/home/a/x", "some bytes here");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "/home/a/%d/x", i);
		put(name, "x");
	}
	h = (struct sk_homes){.root = root, .found = count_found, .time_ms = -1};
	cr_assert_eq(sk_homes_walk(&h), 0);
	cr_expect_eq(json_array_size(h.left_out), 1);
	json_decref(h.left_out);
	close(dir);
	cr_assert_eq(chdir("/"), 0);
}

Test(software, words_of_the_list)
{
	cr_expect(sk_software_matches("a b*", "dpkg:bash 1"));
	cr_expect(sk_software_matches("dpkg:ba?h", "dpkg:bash 1"));
	cr_expect(!sk_software_matches("bash", "home:/home/bash"), "a name is not a path");
	cr_expect(!sk_software_matches("*", "home:/home/a/x"), "any package is not any program");
	cr_expect(sk_software_matches("home:/home/*/x?y", "home:/home/a/x y"));
	cr_expect(!sk_software_matches("", "dpkg:bash 1"));
	cr_expect(!sk_software_matches("flatpak:*", "dpkg:bash 1"));
}

static void fill(struct sk_inventory *v, int from, int to)
{
	char text[64];

	for (int i = from; i < to; i++) {
		snprintf(text, sizeof(text), "package-%05d \"quoted\" 1.%d", i, i);
		sk_inventory_add(v, "dpkg", text);
	}
	sk_inventory_sort(v);
}

/* As sekimorid does when the piece stands in the record. */
static void recorded(void)
{
	char next[1100];

	snprintf(next, sizeof(next), "%s", in_root("/var/lib/sekimori/t.next"));
	cr_assert_eq(rename(next, in_root("/var/lib/sekimori/t.list")), 0);
}

Test(software, the_record_gets_it_in_pieces)
{
	struct sk_inventory v = {0}, back;
	char hash[SK_SHA256_HEX];
	size_t told = 0;
	bool more = true;

	fill(&v, 0, 1000);
	sk_inventory_hash(&v, hash);
	for (int i = 0; more; i++) {
		json_t *c = sk_inventory_change(root, "t", &v), *again = sk_inventory_change(root, "t", &v);
		cr_assert_not_null(c);
		cr_assert(json_equal(c, again), "what was not recorded is told again");
		char *text = json_dumps(c, JSON_COMPACT);
		cr_assert_lt(strlen(text), 15000, "one event holds it");
		free(text);
		told += json_array_size(member(c, "added"));
		more = json_is_true(member(c, "more"));
		if (!more)
			cr_expect_str_eq(json_string_value(member(c, "to")), hash);
		json_decref(c);
		json_decref(again);
		recorded();
		cr_assert_lt(i, 20);
	}
	cr_expect_eq(told, 1000);
	cr_expect_null(sk_inventory_change(root, "t", &v), "nothing is told twice");
	cr_assert_eq(sk_inventory_read(root, "t.list", &back), 0);
	cr_expect_eq(back.n, 1000);
	sk_inventory_clear(&back);
	sk_inventory_clear(&v);
	fill(&v, 10, 1001);
	json_t *c = sk_inventory_change(root, "t", &v);
	cr_expect_eq(json_array_size(member(c, "removed")), 10);
	cr_expect_eq(json_array_size(member(c, "added")), 1);
	json_decref(c);
	sk_inventory_clear(&v);
	put("/var/lib/sekimori/t.list", "garbage without a kind\n");
	cr_expect_eq(sk_inventory_read(root, "t.list", &back), -EINVAL);
	fill(&v, 0, 3);
	c = sk_inventory_change(root, "t", &v);
	cr_expect_eq(json_array_size(member(c, "added")), 3, "told from the beginning");
	json_decref(c);
	sk_inventory_clear(&v);
}

#define FACTS(total, bad, left) \
	"{\"total\":" total ",\"unapproved\":[\"dpkg:x 1\"],\"unapproved_total\":" bad ",\"left_out\":[" left "]}"
#define LIST "[check software]\napproved = bash\n"

Test(software, verdicts)
{
	cr_expect_eq(judge_with(LIST, "software", FACTS("5", "0", "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(LIST, "software", FACTS("5", "1", "")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(LIST, "software", FACTS("5", "1", "\"/home/a: x\"")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(LIST, "software", FACTS("5", "0", "\"/home/a: x\"")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("software", FACTS("5", "0", "")), SK_STATE_UNKNOWN, "the office has not said");
	cr_expect_eq(judge_with(LIST, "software", "{\"why\":\"x\"}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(LIST, "software", "{\"total\":\"5\",\"unapproved_total\":[]}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge("software", NULL), SK_STATE_UNKNOWN);
}
