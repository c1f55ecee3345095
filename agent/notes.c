/* Titles, what replaces what, and how much is too much. */
#include "agent/notes.h"

#include <stdio.h>
#include <string.h>

#include "agent/words.h"
#include "common/buf.h"
#include "common/text.h"

#define SAME_MS   60000
#define BURST     8
#define REFILL_MS 10000 /* for one more */

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* --- which one --- */

enum group { OF_REFUSAL, OF_MEDIUM, OF_REQUEST, OF_KIND };

static const struct kind {
	const char *kind, *title;
	enum group group;
	bool urgent;
} kinds[] = {
    {"device.decided", N_("A device was not opened"), OF_REFUSAL, false},
    {"device.refused-change", N_("A device was shut"), OF_REFUSAL, true},
    {"enforcement.failed", N_("A device was shut"), OF_REFUSAL, true},
    {"grant.admitted", N_("The medium is open"), OF_MEDIUM, false},
    {"medium.mounted", N_("The medium is open"), OF_MEDIUM, false},
    {"medium.mount-failed", N_("The medium could not be opened"), OF_MEDIUM, true},
    {"medium.open-failed", N_("The medium could not be opened"), OF_MEDIUM, true},
    {"medium.scanning", N_("The medium is being scanned"), OF_MEDIUM, false},
    {"medium.not-scanned", N_("The medium could not be opened"), OF_MEDIUM, true},
    {"medium.infected", N_("Malware was found on the medium"), OF_MEDIUM, true},
    {"medium.erased", N_("The medium is erased"), OF_MEDIUM, true},
    {"medium.not-erased", N_("The medium is not erased"), OF_MEDIUM, true},
    {"grant.warned", N_("The permit is about to end"), OF_MEDIUM, true},
    {"grant.ended", N_("The permit has ended"), OF_MEDIUM, false},
    {"request.answered", N_("Your request was answered"), OF_REQUEST, true},
    {"notice.received", N_("Notice from the office"), OF_REQUEST, true},
    {"isolation.on", N_("Cut off from the network"), OF_KIND, true},
    {"isolation.off", N_("Back to the network"), OF_KIND, true},
    {"networks.closed", N_("Networks that are not permitted"), OF_KIND, true},
    {"keyboard.confirm", N_("A new keyboard waits for your confirmation"), OF_KIND, true},
};

static const struct kind *kind_of(const json_t *notice)
{
	static const struct kind other = {"", N_("Notice from Sekimori"), OF_KIND, false};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].kind, member(notice, "kind")))
			return &kinds[i];
	return &other;
}

static void make_key(const struct kind *k, const json_t *notice, char *out, size_t size)
{
	switch (k->group) {
	case OF_REFUSAL:
		snprintf(out, size, "d:%.70s:%.40s",
		         *member(notice, "device_key") ? member(notice, "device_key") : member(notice, "device"),
		         member(notice, "reason"));
		break;
	case OF_MEDIUM:
		snprintf(out, size, "m:%.70s", member(notice, "device"));
		break;
	case OF_REQUEST:
		snprintf(out, size, "r:%.40s", member(notice, "id"));
		break;
	default:
		snprintf(out, size, "k:%.40s:%.70s", member(notice, "kind"), member(notice, "device"));
	}
}

static struct sk_note *find(struct sk_notes *n, const char *key)
{
	for (struct sk_note *i = n->items; i < n->items + SK_NOTES; i++)
		if (i->last && !strcmp(i->key, key))
			return i;
	return NULL;
}

/* The one of this key, a free one, or the one that was silent longest. */
static struct sk_note *place(struct sk_notes *n, const char *key, sk_ms now)
{
	struct sk_note *x = find(n, key), *i;

	if (x)
		return x;
	for (x = i = n->items; i < n->items + SK_NOTES; i++)
		if (i->last < x->last)
			x = i;
	*x = (struct sk_note){.first = now};
	sk_text_copy(x->key, sizeof x->key, key);
	return x;
}

/* --- how much --- */

static bool may_show(struct sk_notes *n, sk_ms now)
{
	int64_t more = n->filled && now > n->filled ? (now - n->filled) * 1000 / REFILL_MS : 0;

	if (!n->filled)
		n->left = BURST * 1000;
	n->filled = now;
	n->left = n->left + more > BURST * 1000 ? BURST * 1000 : n->left + more;
	if (n->left < 1000)
		return false;
	n->left -= 1000;
	return true;
}

/* Above the burst: one line that stands for the rest; it is written when it is new and at each doubling, so that it costs little too. */
static struct sk_note *say_rest(struct sk_notes *n, sk_ms now)
{
	const char *args[1];
	char number[24];
	struct sk_note *x;
	struct sk_buf b;

	n->unsaid++;
	if (n->unsaid & (n->unsaid - 1))
		return NULL;
	snprintf(number, sizeof number, "%lld", (long long)n->unsaid);
	args[0] = number;
	sk_buf_init(&b, 1024);
	sk_words_fill(&b, sk_tr(n->lang, N_("%1 more notices or above. See all of them: sekimori events")), args, 1);
	x = sk_notes_say(n, "rest", sk_tr(n->lang, N_("Many notices")), b.data, now);
	sk_buf_deinit(&b);
	return x;
}

/* --- what it says --- */

static void add_line(struct sk_buf *b, enum sk_lang lang, const char *msgid, const char *value)
{
	const char *const args[1] = {value};

	sk_buf_addc(b, '\n');
	sk_words_fill(b, sk_tr(lang, msgid), args, 1);
}

static void number_line(struct sk_buf *b, enum sk_lang lang, const char *msgid, long long value)
{
	char number[24];

	snprintf(number, sizeof number, "%lld", value);
	add_line(b, lang, msgid, number);
}

static void write_body(struct sk_notes *n, struct sk_note *x, const json_t *notice)
{
	long long left = (long long)json_integer_value(json_object_get(notice, "left_s"));
	struct sk_buf b;

	sk_buf_init(&b, 16384);
	sk_buf_adds(&b, member(notice, n->lang == SK_LANG_JA ? "text_ja" : "text_en"));
	if (*member(notice, "rule"))
		add_line(&b, n->lang, N_("Rule: %1"), member(notice, "rule"));
	if (left > 0 && left < 1000000)
		number_line(&b, n->lang, N_("%1 minutes left"), (left + 59) / 60);
	if (x->count > 1)
		number_line(&b, n->lang, N_("%1 times"), (long long)x->count);
	sk_text_copy(x->body, sizeof x->body, b.failed ? "" : b.data);
	sk_buf_deinit(&b);
}

/* Plain text of one line: what hides or moves text has no place on a desktop either. */
static void plain(char *out, size_t size, const char *s)
{
	sk_text_printable(out, size, s, strlen(s));
}

struct sk_note *sk_notes_take(struct sk_notes *n, const json_t *notice, sk_ms now)
{
	const struct kind *k = kind_of(notice);
	int64_t count = json_integer_value(json_object_get(notice, "count"));
	struct sk_note *x;
	char key[160];
	bool same, progress;

	if (!*member(notice, n->lang == SK_LANG_JA ? "text_ja" : "text_en"))
		return NULL;
	make_key(k, notice, key, sizeof key);
	x = find(n, key);
	same = x && k->group == OF_REFUSAL && now - x->last < SAME_MS && now >= x->last;
	progress = x && x->id && k->group == OF_MEDIUM && !strcmp(x->title, sk_tr(n->lang, k->title));
	/* What a plug can cause at will is counted; what a person must read now is not. */
	if (!same && !progress && (!k->urgent || k->group == OF_REFUSAL) && !may_show(n, now))
		return say_rest(n, now);
	x = place(n, key, now);
	count = count < 1 || count > 1000000 ? 1 : count;
	if (!same && k->group == OF_REFUSAL)
		x->id = 0; /* a new event is a new notification */
	x->count = same ? x->count + count : count;
	x->last = now;
	x->urgent = k->urgent;
	x->ask = json_is_true(json_object_get(notice, "ask"));
	x->read = strcmp(k->kind, "notice.received") == 0;
	plain(x->id_of, sizeof x->id_of, member(notice, "id"));
	plain(x->device, sizeof x->device, member(notice, "device"));
	plain(x->product, sizeof x->product, member(notice, "product"));
	sk_text_copy(x->title, sizeof x->title, sk_tr(n->lang, k->title));
	write_body(n, x, notice);
	if (n->left >= BURST * 500) /* it is quiet again */
		n->unsaid = 0;
	return x;
}

struct sk_note *sk_notes_say(struct sk_notes *n, const char *key, const char *title, const char *body, sk_ms now)
{
	struct sk_note *x = place(n, key, now);

	x->last = now;
	x->ask = x->urgent = x->read = false;
	x->count = 1;
	sk_text_copy(x->title, sizeof x->title, title);
	sk_text_copy(x->body, sizeof x->body, body);
	return x;
}

/* --- identifiers --- */

unsigned sk_notes_tag(const struct sk_notes *n, const struct sk_note *note)
{
	return (unsigned)(note - n->items);
}

struct sk_note *sk_notes_by_id(struct sk_notes *n, uint32_t id)
{
	for (struct sk_note *i = n->items; id && i < n->items + SK_NOTES; i++)
		if (i->last && i->id == id)
			return i;
	return NULL;
}

void sk_notes_closed(struct sk_notes *n, uint32_t id)
{
	struct sk_note *x = sk_notes_by_id(n, id);

	if (x)
		x->id = 0;
}

void sk_notes_shown(struct sk_notes *n, unsigned tag, uint32_t id)
{
	sk_notes_closed(n, id); /* given twice: it can only mean the newer one */
	if (tag >= SK_NOTES || !n->items[tag].last)
		return;
	n->items[tag].id = id;
	n->items[tag].shown = id != 0;
}
