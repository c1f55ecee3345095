/*
 * Messages. A .mo file is two tables of (length, offset) and the strings, sorted by msgid: it is checked whole when it is opened, so
 * that a lookup is a plain binary search without a bound left to check. Catalogues are read at the start and never change, so
 * threads need no lock.
 */
#include "common/i18n.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"

#ifndef SK_LOCALEDIR
#define SK_LOCALEDIR "/usr/share/sekimori/locale" /* not /usr/share/locale, which lean installations leave out */
#endif

#define MO_MAX   (4 * 1024 * 1024)
#define MO_MAGIC 0x950412deu
#define MO_HEAD  28

static struct {
	char *data; /* owned; NULL = not there */
	struct sk_mo mo;
} catalogue[SK_LANG_COUNT];

static uint32_t word(const char *data, size_t at, int swap)
{
	uint32_t v;

	memcpy(&v, data + at, sizeof(v));
	return swap ? __builtin_bswap32(v) : v;
}

static const char *string_at(const struct sk_mo *mo, uint32_t table, uint32_t i)
{
	return mo->data + word(mo->data, (size_t)table + 8 * (size_t)i + 4, mo->swap);
}

static bool table_fits(const struct sk_mo *mo, uint32_t table)
{
	return table <= mo->len && mo->count <= (mo->len - table) / 8;
}

/* Each string lies inside, ends in the NUL its length promises, and is UTF-8. */
static bool strings_fit(const struct sk_mo *mo, uint32_t table)
{
	for (uint32_t i = 0; i < mo->count; i++) {
		size_t len = word(mo->data, (size_t)table + 8 * (size_t)i, mo->swap);
		size_t at = word(mo->data, (size_t)table + 8 * (size_t)i + 4, mo->swap);

		if (at >= mo->len || len >= mo->len - at || mo->data[at + len] != '\0' ||
		    !sk_text_is_utf8(mo->data + at, len))
			return false;
	}
	return true;
}

static bool is_sorted(const struct sk_mo *mo)
{
	for (uint32_t i = 1; i < mo->count; i++)
		if (strcmp(string_at(mo, mo->ids, i - 1), string_at(mo, mo->ids, i)) >= 0)
			return false;
	return true;
}

int sk_mo_open(struct sk_mo *mo, const char *data, size_t len)
{
	struct sk_mo m = {.data = data, .len = len};
	uint32_t magic;

	if (len < MO_HEAD)
		return -EINVAL;
	magic = word(data, 0, 0);
	if (magic != MO_MAGIC && magic != __builtin_bswap32(MO_MAGIC))
		return -EINVAL;
	m.swap = magic != MO_MAGIC;
	m.count = word(data, 8, m.swap);
	m.ids = word(data, 12, m.swap);
	m.texts = word(data, 16, m.swap);
	if (word(data, 4, m.swap) >> 16 != 0 || !table_fits(&m, m.ids) || !table_fits(&m, m.texts) ||
	    !strings_fit(&m, m.ids) || !strings_fit(&m, m.texts) || !is_sorted(&m))
		return -EINVAL;
	*mo = m;
	return 0;
}

const char *sk_mo_get(const struct sk_mo *mo, const char *msgid)
{
	uint32_t low = 0, high = mo->count;

	if (msgid[0] == '\0') /* the catalogue's own head */
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(msgid, string_at(mo, mo->ids, middle));

		if (order == 0) {
			const char *text = string_at(mo, mo->texts, middle);

			return text[0] != '\0' ? text : NULL;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int load(enum sk_lang lang, const char *dir)
{
	struct sk_buf path, file;
	int r;

	sk_buf_init(&path, 4095);
	sk_buf_init(&file, MO_MAX);
	r = sk_buf_addf(&path, "%s/%s/LC_MESSAGES/sekimori.mo", dir, sk_lang_tag(lang));
	if (r == 0)
		r = sk_file_read(path.data, &file, NULL);
	if (r == 0)
		r = sk_mo_open(&catalogue[lang].mo, file.data, file.len);
	if (r == 0)
		catalogue[lang].data = sk_buf_steal(&file); /* the same memory: nothing moves */
	sk_buf_deinit(&path);
	sk_buf_deinit(&file);
	return r;
}

int sk_i18n_init(const char *dir)
{
	sk_i18n_deinit();
	return load(SK_LANG_JA, dir != NULL ? dir : SK_LOCALEDIR);
}

void sk_i18n_deinit(void)
{
	for (int i = 0; i < SK_LANG_COUNT; i++) {
		free(catalogue[i].data);
		catalogue[i].data = NULL;
	}
}

const char *sk_tr(enum sk_lang lang, const char *msgid)
{
	const char *text = NULL;

	if ((unsigned int)lang < SK_LANG_COUNT && catalogue[lang].data != NULL)
		text = sk_mo_get(&catalogue[lang].mo, msgid);
	return text != NULL ? text : msgid;
}

enum sk_lang sk_lang_from_env(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return strncmp(value, "ja", 2) == 0 ? SK_LANG_JA : SK_LANG_EN;
	}
	return SK_LANG_EN;
}

/* "q=0.8" as thousandths; anything odd counts as 0, which means not wanted. No parameter is 1000. */
static int weight(const char *s, size_t len)
{
	const char *q = memchr(s, ';', len), *end = s + len;
	int value, unit = 100;

	if (q == NULL)
		return 1000;
	for (q++; q < end && *q == ' '; q++)
		;
	if (end - q < 3 || (q[0] != 'q' && q[0] != 'Q') || q[1] != '=' || (q[2] != '0' && q[2] != '1'))
		return 0;
	value = (q[2] - '0') * 1000;
	for (q += 3; q < end && (*q == '.' || (*q >= '0' && *q <= '9')); q++)
		if (*q != '.') {
			value += (*q - '0') * unit;
			unit /= 10;
		}
	return value > 1000 ? 1000 : value;
}

/* The language of one entry such as "ja-JP;q=0.9"; SK_LANG_COUNT for one we do not have. */
static enum sk_lang language(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] != ';' && s[n] != '-' && s[n] != ' ')
		n++;
	if (n == 1 && s[0] == '*')
		return SK_LANG_JA;
	if (n == 2 && strncasecmp(s, "ja", 2) == 0)
		return SK_LANG_JA;
	return n == 2 && strncasecmp(s, "en", 2) == 0 ? SK_LANG_EN : SK_LANG_COUNT;
}

enum sk_lang sk_lang_from_accept(const char *accept_language)
{
	enum sk_lang best = SK_LANG_EN;
	int best_weight = 0;

	if (accept_language == NULL || accept_language[0] == '\0')
		return SK_LANG_JA;
	for (const char *s = accept_language; *s != '\0';) {
		size_t len;
		enum sk_lang lang;
		int w;

		s += strspn(s, ", \t");
		len = strcspn(s, ",");
		lang = language(s, len);
		w = weight(s, len);
		if (lang != SK_LANG_COUNT && w > best_weight) {
			best = lang;
			best_weight = w;
		}
		s += len;
	}
	return best;
}

const char *sk_lang_tag(enum sk_lang lang)
{
	return lang == SK_LANG_JA ? "ja" : "en";
}

int sk_lang_parse(const char *tag, enum sk_lang *out)
{
	if (!sk_text_eq(tag, "en") && !sk_text_eq(tag, "ja"))
		return -EINVAL;
	*out = tag[0] == 'j' ? SK_LANG_JA : SK_LANG_EN;
	return 0;
}
