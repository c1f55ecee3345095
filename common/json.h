/*
 * JSON by jansson, strictly: duplicates refused, depth at most 16, size bounded by the caller, one document and nothing after it,
 * strings valid UTF-8 without NUL. Getters check type and bounds once at the edge and name the field in the error.
 */
#ifndef SK_COMMON_JSON_H
#define SK_COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"

#define SK_JSON_DEPTH 16

/* New reference in *out (json_decref). 0, -EINVAL, -E2BIG. */
int sk_json_parse(const char *text, size_t len, size_t max, json_t **out, struct sk_err *err);
/* Compact, sorted keys: the same value always gives the same bytes. NULL on failure; caller frees. */
char *sk_json_text(const json_t *j);
/* Sets a member to a string, or to null where value is NULL. name: valid UTF-8, of ours. What cannot be set (no memory, no UTF-8) is left out, as with
 * json_object_set_new(obj, name, json_string(value)). */
void sk_json_put(json_t *obj, const char *name, const char *value);
void sk_json_put_own(json_t *obj, const char *name, const char *value); /* value: ASCII of ours, or NULL; not looked at */

/* Each: 0, or -EINVAL with err "field NAME: ..." ; optional fields: *_opt leave *out at the given default when absent or null. */
int sk_json_str(const json_t *obj, const char *name, size_t min, size_t max, const char **out,
                struct sk_err *err); /* borrowed */
/* A UTC time as sk_clock_parse_utc takes it, ms. */
int sk_json_utc(const json_t *obj, const char *name, sk_ms *out, struct sk_err *err);
int sk_json_str_opt(const json_t *obj, const char *name, size_t max, const char **out, struct sk_err *err);
int sk_json_int(const json_t *obj, const char *name, long long min, long long max, long long *out, struct sk_err *err);
int sk_json_int_opt(const json_t *obj, const char *name, long long min, long long max, long long *out,
                    struct sk_err *err);
int sk_json_bool_opt(const json_t *obj, const char *name, bool *out, struct sk_err *err);
int sk_json_arr(const json_t *obj, const char *name, size_t max, json_t **out, struct sk_err *err); /* borrowed */
int sk_json_obj(const json_t *obj, const char *name, json_t **out, struct sk_err *err); /* borrowed */

#endif
