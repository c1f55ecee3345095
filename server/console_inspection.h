/* Inside the pages of audits and self-inspections. */
#ifndef SK_SERVER_CONSOLE_INSPECTION_H
#define SK_SERVER_CONSOLE_INSPECTION_H

#include "server/console.h"
#include "server/store_inspections.h"

bool inspection_runs(const struct sk_console *c, bool audit);
const char *inspection_kind(const json_t *row);
void inspection_unit(struct sk_page *p, const json_t *row);
void inspection_state(struct sk_page *p, const json_t *row);
void inspection_form(struct sk_console *c, const char *cls, const char *action);
void inspection_hidden(struct sk_page *p, const char *name, long long n);
void inspection_area(struct sk_console *c, const char *id, const char *name, const char *label, const char *hint,
                     int rows);
void inspection_units(struct sk_console *c, const char *id, const json_t *units, const char *label, bool all);
void inspection_day(struct sk_console *c, const char *name, const char *label);
void inspection_submit(struct sk_page *p, const char *action, const char *cls, const char *word);
int inspection_number(const struct sk_console *c, int64_t *number);
int inspection_show(struct sk_console *c, int code); /* console_inspection.c: one, with c->problem */

#endif
