/*
 * Smart-card readers and whether a card is in one, asked of pcscd by its socket, in the protocol of its own client library (version 4): so that
 * nothing of it is loaded into a program of ours. The daemon's answers are bounded and checked; one that says something else is not believed.
 */
#ifndef SK_PLATFORM_PCSC_H
#define SK_PLATFORM_PCSC_H

#include <stdbool.h>
#include <stddef.h>

#define SK_PCSC_READERS 16

struct sk_pcsc_reader {
	char name[160]; /* made printable */
	bool card;
	bool mute; /* something is in it that does not answer */
};

/* Number of readers; -ENOENT: no such socket; -ECONNREFUSED, -ETIMEDOUT, -EPROTO (another version, or no pcscd). */
int sk_pcsc_read(const char *socket, int timeout_ms, struct sk_pcsc_reader out[SK_PCSC_READERS]);

/* For its test: the table of readers as it comes, len bytes. Number of readers, or -EPROTO. */
int sk_pcsc_table(const unsigned char *table, size_t len, struct sk_pcsc_reader out[SK_PCSC_READERS]);

#endif
