/*
 * Messages in Japanese and English. msgids are English; catalogues are gettext .mo files (po/ja.po), read by a small
 * thread-safe reader with an explicit language per call, because a server answers each request in its reader's language
 * and ja_JP locales are absent on bare systems. N_() marks for xgettext, sk_tr() translates.
 */
#ifndef SK_COMMON_I18N_H
#define SK_COMMON_I18N_H

#include <stddef.h>
#include <stdint.h>

enum sk_lang { SK_LANG_EN = 0, SK_LANG_JA = 1, SK_LANG_COUNT };

#define N_(s) (s)

/* dir: where LANG/LC_MESSAGES/sekimori.mo lie (default SK_LOCALEDIR). A missing or damaged catalogue is not an error for the
 * caller: English is shown; returns -errno so that doctor can say so. */
int sk_i18n_init(const char *dir);
void sk_i18n_deinit(void);

/* borrowed, lives until deinit; msgid itself when unknown. The compiler checks a format against the msgid, msgfmt the translation. */
const char *sk_tr(enum sk_lang lang, const char *msgid) __attribute__((format_arg(2)));

enum sk_lang sk_lang_from_env(void);                      /* LC_ALL, LC_MESSAGES, LANG; ja* = Japanese */
enum sk_lang sk_lang_from_accept(const char *accept_language); /* HTTP Accept-Language; NULL = Japanese */
const char *sk_lang_tag(enum sk_lang lang);               /* "en", "ja" */
int sk_lang_parse(const char *tag, enum sk_lang *out);    /* exact "en"/"ja"; 0 or -EINVAL */

/* One catalogue in memory, borrowed. Every offset is checked once when it is opened; sorted msgids are required. */
struct sk_mo {
	const char *data;
	size_t len;
	uint32_t count, ids, texts; /* number of messages; where the two tables begin */
	int swap;                   /* the file's byte order is not ours */
};
int sk_mo_open(struct sk_mo *mo, const char *data, size_t len); /* 0 or -EINVAL; *mo untouched on failure */
const char *sk_mo_get(const struct sk_mo *mo, const char *msgid); /* NULL when absent, empty or "" */

#endif
