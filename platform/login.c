/* sd-login's monitor on seats is an inotify watch: nothing runs while nobody logs in or out. */
#include "platform/login.h"

#include <grp.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>

#include "common/text.h"

#define SEAT "seat0"

struct sk_login {
	sd_login_monitor *monitor;
	sd_event_source *source;
	void (*changed)(void *ctx);
	void *ctx;
	uid_t uid;
	char person[SK_PERSON_MAX];
};

static int name_of(uid_t uid, char *out, size_t size)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) != 0 || found == NULL)
		return -ENOENT;
	if (strlen(found->pw_name) >= size)
		return -ENAMETOOLONG;
	sk_text_copy(out, size, found->pw_name);
	return 0;
}

/* 1 and the user of the active session when it is one of class "user"; 0 otherwise. */
static int active_user(uid_t *uid)
{
	char *session = NULL, *class = NULL;
	int found = 0;

	if (sd_seat_get_active(SEAT, &session, uid) < 0)
		return 0;
	if (session != NULL && sd_session_get_class(session, &class) >= 0)
		found = strcmp(class, "user") == 0;
	free(class);
	free(session);
	return found;
}

static void look(struct sk_login *l)
{
	char name[SK_PERSON_MAX];
	uid_t uid;

	if (active_user(&uid)) {
		if (l->person[0] != '\0' && uid == l->uid)
			return;
		if (name_of(uid, name, sizeof(name)) < 0)
			name[0] = '\0';
		l->uid = uid;
		sk_text_copy(l->person, sizeof(l->person), name);
	} else if (l->person[0] != '\0' && sd_uid_is_on_seat(l->uid, 0, SEAT) <= 0) {
		l->person[0] = '\0';
	}
}

static int on_change(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_login *l = arg;
	char before[SK_PERSON_MAX];

	(void)s;
	(void)fd;
	(void)revents;
	(void)sd_login_monitor_flush(l->monitor);
	sk_text_copy(before, sizeof(before), l->person);
	look(l);
	if (strcmp(before, l->person) != 0)
		l->changed(l->ctx);
	return 0;
}

/* sekimorid starts before logind: the folder it watches may not be there yet. systemd-tmpfiles makes the same one. */
static int monitor_seats(sd_login_monitor **out)
{
	int r = sd_login_monitor_new("seat", out);

	if (r != -ENOENT)
		return r;
	if (mkdir("/run/systemd/seats", 0755) < 0 && errno != EEXIST)
		return -errno;
	return sd_login_monitor_new("seat", out);
}

int sk_login_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_login **out)
{
	struct sk_login *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return -ENOMEM;
	l->changed = changed;
	l->ctx = ctx;
	r = monitor_seats(&l->monitor);
	if (r >= 0)
		r = sd_event_add_io(loop, &l->source, sd_login_monitor_get_fd(l->monitor), EPOLLIN, on_change, l);
	if (r == -ENOMEM) {
		(void)sk_login_free(l);
		return r;
	}
	look(l);
	*out = l;
	return 0;
}

struct sk_login *sk_login_free(struct sk_login *l)
{
	if (l == NULL)
		return NULL;
	l->source = sd_event_source_disable_unref(l->source);
	(void)sd_login_monitor_unref(l->monitor);
	free(l);
	return NULL;
}

const char *sk_login_person(const struct sk_login *l)
{
	return l == NULL ? "" : l->person;
}

/* ---- groups ---- */

void sk_groups_clear(struct sk_groups *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->names[i]);
	g->n = 0;
}

static void add_group(struct sk_groups *g, gid_t gid)
{
	struct group gr, *found = NULL;
	char buf[16384]; /* a group's members are read with it; too many: the group is not known */

	if (getgrgid_r(gid, &gr, buf, sizeof(buf), &found) != 0 || found == NULL || strlen(found->gr_name) >= 128)
		return;
	g->names[g->n] = strdup(found->gr_name);
	if (g->names[g->n] != NULL)
		g->n++;
}

void sk_login_groups(const char *person, struct sk_groups *g)
{
	gid_t ids[SK_GROUPS_MAX];
	struct passwd pw, *found = NULL;
	char buf[4096];
	int n = SK_GROUPS_MAX;

	sk_groups_clear(g);
	if (person[0] == '\0' || getpwnam_r(person, &pw, buf, sizeof(buf), &found) != 0 || found == NULL)
		return;
	if (getgrouplist(person, found->pw_gid, ids, &n) < 0)
		n = SK_GROUPS_MAX; /* the first ones */
	for (int i = 0; i < n; i++)
		add_group(g, ids[i]);
}
