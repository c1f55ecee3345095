/* Inside the forms, for server/form*.c only: how texts become cells, and rows of the store rows of texts. */
#ifndef SK_SERVER_FORM_INSIDE_H
#define SK_SERVER_FORM_INSIDE_H

#include "server/form.h"

typedef void (*cells_fn)(const struct sk_form_read *x, const json_t *from, json_t *row);
enum sk_lang cell_lang(const struct sk_form_read *x);
void cell_put(json_t *row, const char *text);
void cell_put_tr(const struct sk_form_read *x, json_t *row, const char *msgid);
void cell_blank(json_t *row, int n);
void cell_put_time(const struct sk_form_read *x, json_t *row, sk_ms t);
void cell_put_number(json_t *row, long long n);
void cell_put_joined(json_t *row, const char *between, const char *const *texts, size_t n);
const char *cell_unit_of(const struct sk_form_read *x, const json_t *row);
const char *cell_field(const json_t *row, const char *name);
const char *cell_kind_word(const struct sk_form_read *x, const char *key);
const char *cell_application_state(const struct sk_form_read *x, const json_t *row);
void cell_put_term(const struct sk_form_read *x, json_t *row, const json_t *of);
void cell_put_who_when(const struct sk_form_read *x, json_t *row, const char *who, sk_ms when);
int form_each(struct sk_form_read *x, json_t *rows, cells_fn cells, json_t *out);
/* Several texts in one cell, the empty ones left out. */
#define JOIN(row, between, ...) \
	cell_put_joined(row, between, (const char *[]){__VA_ARGS__}, \
	                sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* form_reports.c */
int form_incidents(struct sk_form_read *x, json_t *out);
int form_inspection(struct sk_form_read *x, json_t *out);
int form_plan(struct sk_form_read *x, json_t *out);
int form_findings(struct sk_form_read *x, json_t *out);

#endif
