/*
 * P15: what listens for others. The kernel's own tables of sockets, those on the loopback left out, each with the program that holds it; the units
 * that should not be started; and the packet filter's own view of what comes in.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"
#include "platform/run.h"
#include "policy/packet_filter.h"

#define SOCKETS_MAX 256

struct listener {
	unsigned long inode;
	unsigned port;
	const char *proto;
	char program[32];
};

/* The address in the kernel's form: groups of 32 bits in the machine's order. */
static bool is_loopback(const char *hex)
{
	unsigned v;

	if (strlen(hex) == 8)
		return sscanf(hex, "%8x", &v) == 1 && (ntohl(v) >> 24) == 127;
	if (strncmp(hex, "0000000000000000FFFF0000", 24) == 0)
		return sscanf(hex + 24, "%8x", &v) == 1 && (ntohl(v) >> 24) == 127;
	return strcmp(hex, "00000000000000000000000001000000") == 0;
}

/* One line of the kernel's table; false: not in this state, or on the loopback. */
static bool read_socket(const char *line, unsigned state, struct listener *l)
{
	char local[40];
	unsigned st;

	return sscanf(line, " %*d: %32[0-9A-F]:%4X %*[0-9A-F]:%*X %2X %*X:%*X %*X:%*X %*X %*u %*u %lu", local, &l->port,
	              &st, &l->inode) == 4 &&
	       st == state && !is_loopback(local);
}

static bool already(const struct listener *out, size_t n, const struct listener *l)
{
	for (size_t i = 0; i < n; i++)
		if (out[i].port == l->port && strcmp(out[i].proto, l->proto) == 0)
			return true;
	return false;
}

/* Line by line: a busy terminal's table is longer than any file of settings, and one that was not read to its end proves nothing.
 * 0, -ENOENT (no such protocol) or -errno. */
static int read_table(const char *root, const char *file, const char *proto, unsigned state, struct listener *out,
                      size_t *n)
{
	char path[300], line[512];
	FILE *f;
	int fd, r;

	snprintf(path, sizeof(path), "%s/proc/net/%s", root, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	f = fd < 0 ? NULL : fdopen(fd, "re");
	if (!f) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (*n < SOCKETS_MAX && fgets(line, sizeof(line), f)) {
		struct listener l = {.proto = proto};

		if (read_socket(line, state, &l) && !already(out, *n, &l))
			out[(*n)++] = l;
	}
	r = ferror(f) ? -EIO : *n >= SOCKETS_MAX ? -E2BIG : 0;
	fclose(f);
	return r;
}

static void name_holder(const char *root, const char *pid, struct listener *l, size_t n)
{
	char path[600], target[64], comm[64];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%.20s/fd", root, pid);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		unsigned long inode;

		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (l[i].inode != inode || l[i].program[0])
				continue;
			snprintf(path, sizeof(path), "%s/proc/%.20s/comm", root, pid);
			if (sk_file_attr(path, comm, sizeof(comm)) > 0)
				sk_text_escape(l[i].program, sizeof(l[i].program), comm, strlen(comm));
		}
	}
	if (dir)
		closedir(dir);
}

static void name_holders(const char *root, struct listener *l, size_t n)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/proc", root);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (isdigit((unsigned char)e->d_name[0]))
			name_holder(root, e->d_name, l, n);
	if (dir)
		closedir(dir);
}

json_t *sk_probe_services(const char *root, const char *units)
{
	static const struct {
		const char *file, *proto;
		unsigned state;
	} tables[] = {{"tcp", "tcp", 0x0A}, {"tcp6", "tcp", 0x0A}, {"udp", "udp", 0x07}, {"udp6", "udp", 0x07}};
	struct listener l[SOCKETS_MAX];
	json_t *ports = json_array();
	char name[24];
	size_t n = 0;

	for (size_t i = 0; i < 4; i++) {
		int r = read_table(root, tables[i].file, tables[i].proto, tables[i].state, l, &n);
		if (r == -ENOENT && i % 2 == 1)
			continue; /* a kernel without IPv6 */
		if (r < 0 && r != -E2BIG) {
			json_decref(ports);
			return json_pack("{s:s}", "error", strerror(-r));
		}
	}
	name_holders(root, l, n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%u", l[i].proto, l[i].port);
		json_array_append_new(ports, json_pack("{s:s, s:s}", "port", name, "program", l[i].program));
	}
	if (n == SOCKETS_MAX) /* there may be more: never all of them allowed */
		json_array_append_new(ports, json_pack("{s:s, s:s}", "port", "...", "program", "more than 255 ports"));
	return json_pack("{s:o, s:o}", "listening", ports, "units", sk_probe_units(root, units));
}

static const char *fate_of(const json_t *rules, const char *family, json_t *chains)
{
	static const char *const words[] = {"open", "refused", "unsure"};
	char where[160];
	enum sk_filter_fate fate = sk_packet_filter(rules, family, where, sizeof(where));

	if (where[0])
		json_object_set_new(chains, family, json_string(where));
	return words[fate];
}

/* Has a way in by IPv6: an address on something else than the loopback. */
static bool has_ipv6(const char *root)
{
	int why;
	char *text = sk_etc_read(root, "/proc/net/if_inet6", &why), *at = text;
	bool found = false;

	for (char *line; text && (line = strsep(&at, "\n"));) {
		const char *name = strrchr(line, ' ');
		found = found || (name && strcmp(name + 1, "lo") != 0);
	}
	free(text);
	return found || (!text && why != -ENOENT);
}

/* Tables of the older iptables, which nft does not list. */
static bool has_legacy(const char *root)
{
	static const char *const files[] = {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"};
	bool found = false;

	for (size_t i = 0; i < 2; i++) {
		int why;
		char *text = sk_etc_read(root, files[i], &why);
		found = found || (text && *text);
		free(text);
	}
	return found;
}

json_t *sk_firewall_facts(const char *root, const json_t *rules)
{
	json_t *chains = json_object();
	const char *ip = fate_of(rules, "ip", chains), *ip6 = fate_of(rules, "ip6", chains);

	return json_pack("{s:s, s:s, s:b, s:b, s:o}", "ip", ip, "ip6", ip6, "has_ip6", has_ipv6(root), "legacy",
	                 has_legacy(root), "chains", chains);
}

json_t *sk_probe_firewall(void)
{
	/* Terse: without the members of sets, which may be many and decide nothing here. */
	static const char *const argv[] = {"/usr/sbin/nft", "-j", "-t", "list", "ruleset", NULL};
	struct sk_err err = SK_ERR_INIT;
	size_t size = 2 * 1024 * 1024;
	char *out = malloc(size);
	json_t *rules = NULL, *facts;
	int n = out ? sk_run(0, "/root", argv, 10000, out, size) : -1;

	if (n < 0)
		facts = json_pack("{s:s}", "error", "nft is not there or gave no answer");
	else if (sk_json_parse(out, (size_t)n, size, &rules, &err) < 0)
		facts = json_pack("{s:s}", "error", err.text);
	else
		facts = sk_firewall_facts("", rules);
	json_decref(rules);
	free(out);
	return facts;
}
