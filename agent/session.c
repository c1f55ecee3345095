/* The line to sekimorid, the desktop, and the form: three sources of events that meet in the table of notes. */
#include "agent/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/ask_form.h"
#include "agent/notes.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/text.h"
#include "platform/child.h"
#include "platform/desktop.h"

#define BUS_NAME  "org.sekimori.Session"
#define FORM_MS   (10 * 60 * 1000)
#define CALL_MS   15000
#define PAUSE_MAX 60 /* s between attempts to reach sekimorid */
#define TRIES     3 /* of a form filled in wrongly */

struct sk_session {
	sd_event *loop;
	char socket[256], dialog[256];
	struct sk_desktop *desktop;
	bool ready; /* the notification daemon's abilities are known */
	struct sk_notes notes;
	int fd;
	sd_event_source *io, *again;
	unsigned pause_s;
	struct sk_buf in;
	char stream[33];
	int64_t next;
	struct sk_child *form; /* one at a time */
	char device[72], product[256]; /* what it asks for */
	int tries;
};

static const char *tr(const struct sk_session *s, const char *msgid)
{
	return sk_tr(s->notes.lang, msgid);
}

/* --- the desktop --- */

static void show(struct sk_session *s, struct sk_note *x)
{
	struct sk_desktop_note n = {.icon = x->urgent ? "dialog-warning" : "dialog-information",
	                            .title = x->title,
	                            .body = x->body,
	                            .replaces = x->id,
	                            .urgent = x->urgent,
	                            .action = x->read                                  ? "read"
	                                      : x->ask && access(s->dialog, X_OK) == 0 ? "ask"
	                                                                               : NULL};

	n.app = tr(s, N_("Sekimori"));
	n.label = tr(s, x->read ? N_("I have read this") : N_("Ask for approval"));
	x->shown = false;
	if (!s->ready) /* on_appeared comes back to it */
		return;
	if (x->in_flight) {
		x->dirty = true;
		return;
	}
	x->dirty = false;
	x->in_flight = sk_desktop_show(s->desktop, &n, sk_notes_tag(&s->notes, x)) == 0;
}

static void say(struct sk_session *s, const char *title, const char *body)
{
	show(s, sk_notes_say(&s->notes, "own", title, body, sk_clock_wall()));
}

static void on_shown(void *ctx, unsigned tag, uint32_t id)
{
	struct sk_session *s = ctx;

	sk_notes_shown(&s->notes, tag, id);
	if (tag >= SK_NOTES)
		return;
	s->notes.items[tag].in_flight = false;
	if (s->notes.items[tag].dirty)
		show(s, &s->notes.items[tag]);
}

static void on_closed(void *ctx, uint32_t id)
{
	sk_notes_closed(&((struct sk_session *)ctx)->notes, id);
}

/* The daemon came after us, or anew: what could not be shown, or was lost with the old one within the last minutes, is shown now. */
static void on_appeared(void *ctx)
{
	struct sk_session *s = ctx;

	s->ready = true;
	for (size_t i = 0; i < SK_NOTES; i++) {
		struct sk_note *x = &s->notes.items[i];

		if (!x->last || x->shown || x->in_flight)
			continue;
		x->id = 0;
		show(s, x);
	}
}

/* --- the form --- */

static void open_form(struct sk_session *s, const char *problem);

static void file_request(struct sk_session *s, json_t *request)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *a = NULL;
	const char *text;

	if (sk_frame_call(s->socket, request, CALL_MS, &a, &err) < 0) {
		say(s, tr(s, N_("The request was not made")), err.text);
		return;
	}
	text = json_string_value(json_object_get(a, "error"));
	if (json_is_true(json_object_get(a, "ok")))
		say(s, tr(s, N_("Your request is recorded")),
		    tr(s,
		       N_("It goes to your section's manager and then to the helpdesk. Leave the medium plugged in: it "
		          "opens by itself when the permit is issued.")));
	else
		say(s, tr(s, N_("The request was not made")), text ? text : "");
	json_decref(a);
}

static void on_form(void *arg, int status, const char *output, size_t len)
{
	struct sk_session *s = arg;
	struct sk_err err = SK_ERR_INIT;
	json_t *request = NULL;

	s->form = NULL;
	if (status != 0) /* cancelled, closed, timed out */
		return;
	if (sk_ask_form_read(output, len, s->notes.lang, s->device, &request, &err) == 0) {
		file_request(s, request);
		json_decref(request);
	} else if (++s->tries < TRIES) {
		open_form(s, err.text);
	} else {
		say(s, tr(s, N_("The request was not made")), err.text);
	}
}

static void open_form(struct sk_session *s, const char *problem)
{
	struct sk_ask_form f;

	sk_ask_form_make(&f, s->dialog, s->notes.lang, s->device, s->product, problem);
	if (sk_child_start_env(s->loop, f.argv, environ, FORM_MS, on_form, s, &s->form) < 0)
		say(s, tr(s, N_("The request was not made")),
		    tr(s, N_("The form could not be opened. In a terminal: sekimori request media")));
}

static void acknowledge(struct sk_session *s, const struct sk_note *x)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *q = json_pack("{s:s, s:s}", "op", "notice.ack", "id", x->id_of), *a = NULL;

	if (q && (sk_frame_call(s->socket, q, CALL_MS, &a, &err) < 0 || !json_is_true(json_object_get(a, "ok"))))
		say(s, tr(s, N_("It is not recorded that you read this")), tr(s, N_("Try again: sekimori notices")));
	json_decref(a);
	json_decref(q);
}

static void on_action(void *ctx, uint32_t id, const char *key)
{
	struct sk_session *s = ctx;
	const struct sk_note *x = sk_notes_by_id(&s->notes, id);

	if (x && x->read && strcmp(key, "read") == 0)
		acknowledge(s, x);
	if (!x || !x->ask || strcmp(key, "ask") != 0 || s->form)
		return;
	sk_text_copy(s->device, sizeof s->device, x->device);
	sk_text_copy(s->product, sizeof s->product, x->product);
	s->tries = 0;
	open_form(s, NULL);
}

/* --- the line --- */

static void hang_up(struct sk_session *s);

static int ask(struct sk_session *s)
{
	json_t *q = s->stream[0]
	                ? json_pack("{s:s, s:s, s:I}", "op", "watch", "stream", s->stream, "after", (json_int_t)s->next)
	                : json_pack("{s:s}", "op", "watch");
	struct sk_buf out;
	ssize_t n = -1;

	sk_buf_init(&out, 4096);
	if (q && sk_frame_put(&out, q) == 0)
		n = send(s->fd, out.data, out.len,
		         MSG_NOSIGNAL | MSG_DONTWAIT); /* a question fits into any socket's buffer */
	json_decref(q);
	if (n != (ssize_t)out.len)
		n = -1;
	sk_buf_deinit(&out);
	return n < 0 ? -EIO : 0;
}

static int take_answer(struct sk_session *s, const json_t *a)
{
	const char *stream;
	long long next;
	json_t *list, *notice;
	size_t i;

	if (!json_is_true(json_object_get(a, "ok")) || sk_json_str(a, "stream", 1, 32, &stream, NULL) < 0 ||
	    sk_json_int(a, "next", 0, INT64_MAX, &next, NULL) < 0 || sk_json_arr(a, "notices", 256, &list, NULL) < 0)
		return -EINVAL;
	json_array_foreach(list, i, notice)
	{
		struct sk_note *x = sk_notes_take(&s->notes, notice, sk_clock_wall());

		if (x)
			show(s, x);
	}
	sk_text_copy(s->stream, sizeof s->stream, stream);
	s->next = next;
	s->pause_s = 1;
	return ask(s);
}

static int on_line(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct sk_session *s = arg;
	char chunk[8192];
	ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
	json_t *a = NULL;
	int r;

	(void)src;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	r = n <= 0 ? -EPIPE : sk_buf_add(&s->in, chunk, (size_t)n);
	while (r == 0 && (r = sk_frame_take(&s->in, &a, NULL)) == 0) {
		r = take_answer(s, a);
		json_decref(a);
		a = NULL;
	}
	if (r < 0)
		hang_up(s);
	return 0;
}

static void call(struct sk_session *s)
{
	s->fd = sk_frame_connect(s->socket, NULL);
	if (s->fd < 0 || sd_event_add_io(s->loop, &s->io, s->fd, EPOLLIN, on_line, s) < 0 || ask(s) < 0)
		hang_up(s);
}

static int on_again(sd_event_source *src, uint64_t usec, void *arg)
{
	struct sk_session *s = arg;

	(void)src;
	(void)usec;
	s->again = sd_event_source_disable_unref(s->again);
	call(s);
	return 0;
}

static void hang_up(struct sk_session *s)
{
	s->io = sd_event_source_disable_unref(s->io);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	sk_buf_reset(&s->in);
	if (!s->again)
		(void)sd_event_add_time_relative(s->loop, &s->again, CLOCK_MONOTONIC, s->pause_s * 1000000ULL, 200000,
		                                 on_again, s);
	s->pause_s = s->pause_s * 2 > PAUSE_MAX ? PAUSE_MAX : s->pause_s * 2;
}

/* --- life --- */

int sk_session_new(sd_event *loop, const struct sk_session_options *o, struct sk_session **out, struct sk_err *err)
{
	struct sk_session *s = calloc(1, sizeof *s);
	struct sk_desktop_handler h = {
	    .ctx = s, .shown = on_shown, .action = on_action, .closed = on_closed, .appeared = on_appeared};
	int r;

	if (!s)
		return sk_err_set(err, -ENOMEM, "no memory");
	s->loop = sd_event_ref(loop);
	s->fd = -1;
	s->pause_s = 1;
	s->notes.lang = o->lang;
	sk_text_copy(s->socket, sizeof s->socket, o->socket);
	sk_text_copy(s->dialog, sizeof s->dialog, o->dialog);
	sk_buf_init(&s->in, SK_FRAME_MAX + 16384);
	r = sk_desktop_new(loop, BUS_NAME, &h, &s->desktop);
	if (r < 0) {
		sk_session_free(s);
		return sk_err_set(err, r, r == -EEXIST ? "this session has one already" : "session bus: %s",
		                  strerror(-r));
	}
	call(s);
	*out = s;
	return 0;
}

struct sk_session *sk_session_free(struct sk_session *s)
{
	if (!s)
		return NULL;
	sk_child_cancel(s->form);
	s->desktop = sk_desktop_free(s->desktop);
	s->io = sd_event_source_disable_unref(s->io);
	s->again = sd_event_source_disable_unref(s->again);
	if (s->fd >= 0)
		close(s->fd);
	sk_buf_deinit(&s->in);
	sd_event_unref(s->loop);
	free(s);
	return NULL;
}
