#include "server/directory.h"

#include <ctype.h>
#include <errno.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "common/csv.h"
#include "common/file.h"
#include "common/text.h"

#define PAGE       500 /* entries of one answer */
#define SECRET_MAX 1024
#define FILTER_MAX 1024

void sk_directory_default(struct sk_directory *d)
{
	*d = (struct sk_directory){.people = "(objectClass=person)",
	                           .ca = "/etc/ssl/certs/ca-certificates.crt",
	                           .user = "uid",
	                           .name = "displayName",
	                           .unit = "departmentNumber",
	                           .title = "title",
	                           .timeout_s = 5};
}

int sk_directory_filter(const struct sk_directory *d, const char *name, char *out, size_t size)
{
	struct berval in = {.bv_len = strlen(name), .bv_val = (char *)(uintptr_t)name}, escaped = {0};
	int n;

	if (ldap_bv2escaped_filter_value(&in, &escaped) != 0)
		return -ENOMEM;
	n = snprintf(out, size, "(&%s(%s=%s))", d->people, d->user, escaped.bv_val == NULL ? "" : escaped.bv_val);
	ber_memfree(escaped.bv_val);
	return n < 0 || (size_t)n >= size ? -E2BIG : 0;
}

/* What went wrong, in the library's words and, where it has more to say, the directory's or the TLS library's. */
static int fail(const struct sk_directory *d, LDAP *ld, int code, const char *what, struct sk_err *err)
{
	char *more = NULL, text[256] = "";
	int r = code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT || code == LDAP_CONNECT_ERROR ? -EHOSTUNREACH
	        : code == LDAP_INVALID_CREDENTIALS || code == LDAP_INSUFFICIENT_ACCESS         ? -EACCES
	        : code == LDAP_NO_MEMORY                                                       ? -ENOMEM
	                                                                                       : -EIO;

	if (ld != NULL)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	if (more != NULL)
		sk_text_printable(text, sizeof(text), more, strlen(more));
	sk_err_set(err, r, "%s: %s: %s%s%s%s", d->url, what, ldap_err2string(code), text[0] != '\0' ? ": " : "", text,
	           r == -EHOSTUNREACH ? "; is it up, and is its certificate for this name and from [directory] ca?"
	                              : "");
	ldap_memfree(more);
	return r;
}

static int set_up(LDAP *ld, const struct sk_directory *d)
{
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, server_side = 0;
	const struct timeval wait = {.tv_sec = (time_t)d->timeout_s};
	int r = ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);

	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF); /* elsewhere is not what was configured */
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait);
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait);
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, d->ca);
	if (r == LDAP_OPT_SUCCESS)
		r = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &server_side); /* last: takes what was set */
	return r;
}

static int simple_bind(LDAP *ld, const char *dn, const char *password, size_t len)
{
	struct berval cred = {.bv_len = len, .bv_val = (char *)(uintptr_t)password};

	return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
}

/* As the account of [directory] bind_dn. */
static int bind_server(LDAP *ld, const struct sk_directory *d, struct sk_err *err)
{
	struct sk_buf secret;
	size_t len = 0;
	int r;

	if (d->bind_dn[0] == '\0') {
		r = simple_bind(ld, NULL, "", 0);
		return r == LDAP_SUCCESS ? 0 : fail(d, ld, r, "anonymous bind", err);
	}
	sk_buf_init(&secret, SECRET_MAX);
	r = sk_file_read(d->secret, &secret, err);
	if (r == 0) {
		len = strcspn(secret.data, "\r\n");
		if (len == 0)
			r = sk_err_set(err, -EINVAL, "%s:1: no password in its first line; write that of %s", d->secret,
			               d->bind_dn);
	}
	if (r == 0) {
		int code = simple_bind(ld, d->bind_dn, secret.data, len);

		r = code == LDAP_SUCCESS ? 0 : fail(d, ld, code, "bind as bind_dn", err);
	}
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.len);
	sk_buf_deinit(&secret);
	return r;
}

static int open_line(const struct sk_directory *d, LDAP **out, struct sk_err *err)
{
	LDAP *ld = NULL;
	int code = ldap_initialize(&ld, d->url), r = 0;

	if (code == LDAP_SUCCESS)
		code = set_up(ld, d);
	if (code != LDAP_SUCCESS)
		r = fail(d, ld, code, "set-up", err);
	else if (strncmp(d->url, "ldaps://", 8) != 0 && (code = ldap_start_tls_s(ld, NULL, NULL)) != LDAP_SUCCESS)
		r = fail(d, ld, code, "StartTLS", err);
	else
		r = bind_server(ld, d, err);
	if (r < 0 && ld != NULL)
		ldap_unbind_ext_s(ld, NULL, NULL);
	else
		*out = ld;
	return r;
}

/* The DN of the one person under this name; NULL with 0 when there is none or more than one. Free with ldap_memfree. */
static int find(LDAP *ld, const struct sk_directory *d, const char *name, char **dn, struct sk_err *err)
{
	char filter[FILTER_MAX], *nothing[] = {LDAP_NO_ATTRS, NULL};
	LDAPMessage *answer = NULL;
	int r = sk_directory_filter(d, name, filter, sizeof(filter)), code;

	*dn = NULL;
	if (r < 0)
		return sk_err_set(err, r, "%s: the filter of [directory] people is too long", d->url);
	code = ldap_search_ext_s(ld, d->base, LDAP_SCOPE_SUBTREE, filter, nothing, 0, NULL, NULL, NULL, 2, &answer);
	if (code == LDAP_SUCCESS && ldap_count_entries(ld, answer) == 1)
		*dn = ldap_get_dn(ld, ldap_first_entry(ld, answer));
	else if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED)
		r = fail(d, ld, code, "search", err);
	ldap_msgfree(answer);
	return r;
}

/* Answers that are the directory's no to this person, whatever its reason (wrong, locked, expired), rather than a fault. */
static bool is_no(int code)
{
	return code == LDAP_INVALID_CREDENTIALS || code == LDAP_UNWILLING_TO_PERFORM ||
	       code == LDAP_CONSTRAINT_VIOLATION || code == LDAP_INAPPROPRIATE_AUTH ||
	       code == LDAP_INSUFFICIENT_ACCESS || code == LDAP_NO_SUCH_OBJECT;
}

int sk_directory_check(const struct sk_directory *d, const char *name, const char *password, struct sk_err *err)
{
	LDAP *ld = NULL;
	char *dn = NULL;
	int r;

	if (password[0] == '\0' || name[0] == '\0')
		return 0;
	r = open_line(d, &ld, err);
	if (r < 0)
		return r;
	r = find(ld, d, name, &dn, err);
	if (r == 0 && dn != NULL && dn[0] != '\0') {
		int code = simple_bind(ld, dn, password, strlen(password));

		r = code == LDAP_SUCCESS ? 1 : is_no(code) ? 0 : fail(d, ld, code, "bind as the person", err);
	}
	ldap_memfree(dn);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return r;
}

/* The first value of an attribute as a cell; bytes that are no text are left to the reader of the CSV to refuse. */
static int cell(LDAP *ld, LDAPMessage *entry, const char *attribute, bool lower, struct sk_buf *out)
{
	struct berval **values = ldap_get_values_len(ld, entry, attribute);
	char text[SK_CSV_CELL_MAX + 1] = "";

	if (values != NULL && values[0] != NULL) {
		if (values[0]->bv_len >= sizeof(text) || memchr(values[0]->bv_val, '\0', values[0]->bv_len) != NULL) {
			ldap_value_free_len(values);
			return -EINVAL;
		}
		memcpy(text, values[0]->bv_val, values[0]->bv_len);
	}
	ldap_value_free_len(values);
	for (char *p = text; lower && *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return sk_csv_cell(out, text);
}

static int person(LDAP *ld, LDAPMessage *entry, const struct sk_directory *d, struct sk_buf *out)
{
	const struct {
		const char *attribute;
		bool lower;
	} columns[] = {{d->user, true}, {d->name, false}, {d->unit, true}, {d->title, false}};
	int r = 0;

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]) && r == 0; i++)
		r = cell(ld, entry, columns[i].attribute, columns[i].lower, out);
	if (r == 0)
		r = sk_csv_cell(out, "staff");
	return r == 0 ? sk_csv_end(out) : r;
}

/* One page of people; *cookie goes on from page to page and is empty after the last. */
static int page(LDAP *ld, const struct sk_directory *d, struct berval *cookie, struct sk_buf *out, struct sk_err *err)
{
	char *attributes[] = {(char *)d->user, (char *)d->name, (char *)d->unit, (char *)d->title, NULL};
	LDAPControl *ask = NULL, *asks[2] = {NULL, NULL}, **got = NULL;
	LDAPMessage *answer = NULL;
	ber_int_t total = 0;
	int r = 0, result = 0, code = ldap_create_page_control(ld, PAGE, cookie, 'T', &ask);

	asks[0] = ask;
	if (code == LDAP_SUCCESS)
		code = ldap_search_ext_s(ld, d->base, LDAP_SCOPE_SUBTREE, d->people, attributes, 0, asks, NULL, NULL, 0,
		                         &answer);
	ldap_control_free(ask);
	ber_memfree(cookie->bv_val);
	*cookie = (struct berval){0};
	if (code == LDAP_SUCCESS)
		code = ldap_parse_result(ld, answer, &result, NULL, NULL, NULL, &got, 0);
	if (code == LDAP_SUCCESS && result == LDAP_SUCCESS) {
		LDAPControl *c = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, got, NULL);

		if (c != NULL)
			code = ldap_parse_pageresponse_control(ld, c, &total, cookie);
	}
	if (code != LDAP_SUCCESS)
		r = fail(d, ld, code, "search of people", err);
	for (LDAPMessage *e = ldap_first_entry(ld, answer); r == 0 && e != NULL; e = ldap_next_entry(ld, e)) {
		char *dn;

		r = person(ld, e, d, out);
		if (r == 0)
			continue;
		dn = ldap_get_dn(ld, e);
		if (r == -EINVAL)
			sk_err_set(err, r,
			           "%s: %s: an attribute is no text of at most %d bytes; mend it in the directory",
			           d->url, dn == NULL ? "?" : dn, SK_CSV_CELL_MAX);
		else
			sk_err_set(err, r, "%s: more than %d bytes of people; narrow [directory] people", d->url,
			           SK_CSV_BYTES_MAX);
		ldap_memfree(dn);
	}
	ldap_controls_free(got);
	ldap_msgfree(answer);
	return r;
}

int sk_directory_people(const struct sk_directory *d, struct sk_buf *out, struct sk_err *err)
{
	static const char head[] = "user,name,unit,title,role\r\n";
	struct berval cookie = {0};
	LDAP *ld = NULL;
	int r = open_line(d, &ld, err);

	if (r < 0)
		return r;
	r = sk_buf_add(out, head, sizeof(head) - 1);
	for (int i = 0; r == 0 && i <= SK_CSV_ROWS_MAX / PAGE; i++) {
		r = page(ld, d, &cookie, out, err);
		if (cookie.bv_len == 0)
			break;
	}
	if (r == 0 && cookie.bv_len > 0)
		r = sk_err_set(err, -E2BIG, "%s: more than %d people; narrow [directory] people", d->url,
		               SK_CSV_ROWS_MAX);
	ber_memfree(cookie.bv_val);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return r;
}
