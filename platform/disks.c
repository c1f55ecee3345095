/* Reading, writing and learning the list. */
#include "platform/disks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define LINE_MAX_BYTES 256

static int add(struct sk_disks *d, const char *bus, const char *ident)
{
	if (sk_disks_has(d, bus, ident))
		return 0;
	if (d->n == SK_DISKS_MAX)
		return -ENOSPC;
	sk_text_copy(d->list[d->n].bus, sizeof(d->list[0].bus), bus);
	sk_text_copy(d->list[d->n].ident, sizeof(d->list[0].ident), ident);
	d->n++;
	return 0;
}

static int parse_line(char *line, struct sk_disks *d)
{
	char *bus = line + 5, *ident;

	if (strncmp(line, "disk ", 5) != 0)
		return -EINVAL;
	ident = strchr(bus, ' ');
	if (ident == NULL || ident == bus || ident[1] == '\0')
		return -EINVAL;
	*ident++ = '\0';
	if (strlen(bus) >= SK_BUS_WORD || strlen(ident) >= SK_BUS_TEXT)
		return -EINVAL;
	return add(d, bus, ident);
}

int sk_disks_load(const char *path, struct sk_disks *d)
{
	struct sk_disks *copy;
	char line[LINE_MAX_BYTES];
	FILE *f = fopen(path, "re");
	size_t len;
	int r = 0;

	if (f == NULL)
		return -errno;
	copy = malloc(sizeof(*copy));
	if (copy != NULL)
		*copy = *d;
	else
		r = -ENOMEM;
	while (r == 0 && fgets(line, sizeof(line), f) != NULL) {
		len = strlen(line);
		if (len == 0 || line[len - 1] != '\n') {
			r = -EINVAL; /* too long, cut off, or a NUL in it */
			break;
		}
		line[len - 1] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			r = parse_line(line, copy) < 0 ? -EINVAL : 0;
	}
	if (r == 0 && ferror(f))
		r = -EIO;
	(void)fclose(f);
	if (r == 0)
		*d = *copy;
	free(copy);
	return r;
}

bool sk_disks_has(const struct sk_disks *d, const char *bus, const char *ident)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->list[i].bus, bus) == 0 && strcmp(d->list[i].ident, ident) == 0)
			return true;
	return false;
}

int sk_disks_add(struct sk_disks *d, const struct sk_bus_ident *id)
{
	return id->ident[0] == '\0' ? -EINVAL : add(d, id->bus, id->ident);
}

void sk_disks_print(FILE *out, const struct sk_disks *d)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		(void)fprintf(out, "disk %s %s\n", d->list[i].bus, d->list[i].ident);
}

int sk_disks_save(const char *path, const struct sk_disks *d)
{
	char next[256];
	FILE *f;
	bool ok;

	if (snprintf(next, sizeof(next), "%s.new", path) >= (int)sizeof(next))
		return -ENAMETOOLONG;
	f = fopen(next, "we");
	if (f == NULL)
		return -errno;
	sk_disks_print(f, d);
	ok = !ferror(f);
	ok = fclose(f) == 0 && ok;
	if (!ok || rename(next, path) < 0) {
		(void)unlink(next);
		return -EIO;
	}
	return 0;
}

/* ---- learning ---- */

struct learning {
	const char *root;
	const struct sk_bus_ops *bus;
	struct sk_disks *out;
};

static int learn_one(void *arg, const char *kernel_name)
{
	const struct learning *l = arg;
	char devpath[SK_DEVPATH_MAX], driver[SK_BUS_DRIVER];
	struct sk_bus_ident id;
	bool open = true;
	int fd = sk_bus_open(l->root, l->bus, kernel_name, devpath), r;

	if (fd < 0)
		return 0;
	r = l->bus->identify(fd, devpath, &id);
	/* A dock is learned for being in use; a disk for being there. */
	if (r == 0 && !id.disk)
		r = l->bus->opened != NULL && l->bus->opened(fd, &open, driver) == 0 && open ? 0 : -ENOENT;
	if (r == 0 && l->bus->outward != NULL && l->bus->outward(l->root, devpath))
		r = -ENOENT;
	if (r == 0 && id.ident[0] != '\0')
		r = sk_disks_add(l->out, &id);
	(void)close(fd);
	return r == -ENOSPC ? r : 0;
}

int sk_disks_learn(const char *root, struct sk_disks *d)
{
	size_t i;
	int r = 0;

	for (i = 0; i < SK_BUSES && r == 0; i++) {
		struct learning l = {root, sk_bus_at(i), d};

		/* FireWire disks are never the machine's own. */
		if (l.bus != &SK_BUS_FIREWIRE_OPS)
			r = sk_bus_each(root, l.bus, learn_one, &l);
	}
	return r;
}
