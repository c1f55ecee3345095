/*
 * The organisation's directory (LDAPv3: OpenLDAP, Active Directory): whether a password is a person's there, and who the people are. The line is always
 * TLS: ldaps://, or ldap:// with StartTLS before anything is said; the server's certificate and name are verified against the CA file. What
 * the directory answers is hostile until parsed: bounded, and people go through the same plan as a file (server/org_import.h). Calls block up
 * to the timeout for each step; the server runs them in threads (server/password.h).
 */
#ifndef SK_SERVER_DIRECTORY_H
#define SK_SERVER_DIRECTORY_H

#include "common/buf.h"
#include "common/err.h"

struct sk_directory { /* [directory] of server.ini */
	char url[280]; /* "" = none */
	char base[256]; /* below which people are */
	char people[256]; /* filter of who is a person */
	char bind_dn[256], secret[256]; /* who asks, and the file with its password; "" = anonymous */
	char ca[256]; /* file of CA certificates */
	char user[64], name[64], unit[64], title[64]; /* attributes */
	long long timeout_s; /* of each step */
};

void sk_directory_default(struct sk_directory *d);
/* (&PEOPLE(USER=name)) with the name escaped (RFC 4515). 0 or -E2BIG. */
int sk_directory_filter(const struct sk_directory *d, const char *name, char *out, size_t size);
/* 1 = the password is that of exactly one person found under this name; 0 = it is not, or nobody or several are found; negative: it could not be
 * asked (-EHOSTUNREACH, -EACCES for the server's own bind or TLS, -EIO), and err says why. An empty password is 0 and never sent: a directory
 * takes it for an anonymous bind. */
int sk_directory_check(const struct sk_directory *d, const char *name, const char *password, struct sk_err *err);
/* The people as the CSV that sk_org_plan reads, role "staff"; names and units in lower case. At most max bytes of out: -E2BIG. 0 or negative. */
int sk_directory_people(const struct sk_directory *d, struct sk_buf *out, struct sk_err *err);

#endif
