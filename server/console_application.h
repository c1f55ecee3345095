/* What the pages of applications share. */
#ifndef SK_SERVER_CONSOLE_APPLICATION_H
#define SK_SERVER_CONSOLE_APPLICATION_H

#include "server/console.h"
#include "server/store_applications.h"

/* The kinds that hold: the office's text, else the shipped one. Free with sk_kinds_free; NULL = failed. */
struct sk_kinds *sk_console_kinds(struct sk_console *c);
/* May the acting role ask for it, for itself or, as the helpdesk, for a caller? */
bool sk_kind_may_ask(enum sk_role acting, const struct sk_kind *k);
const char *sk_kind_word(const struct sk_page *p, const struct sk_kind *k); /* in the reader's language */
const char *sk_word_field(const char *name); /* of sk_field_names: msgid */
const char *sk_word_field_value(const char *name,
                                const char *value); /* of those that are chosen: msgid; else value itself */
const char *sk_word_application_state(const char *state, bool overdue, bool back, enum sk_tone *tone); /* msgid */
void sk_part_application_state(struct sk_page *p, const json_t *row);
void sk_part_kind(struct sk_page *p, const struct sk_kinds *kinds, const char *key); /* its word, or the key */
void sk_part_route(struct sk_page *p, const struct sk_step *steps,
                   size_t n); /* "管理者 → 執行責任者 と 情報システム管理者" */

#endif
