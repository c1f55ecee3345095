// sources: server/message.c
/*
 * Fuzzer of what terminals may post. The first byte chooses the message; the rest is the body as it comes from the socket. Beyond memory errors it
 * holds that what was taken is within the bounds the store counts on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "server/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void events(const char *body, size_t len)
{
	struct sk_event *e = NULL;
	char hash[SK_SHA256_HEX];
	size_t n = 0;

	if (sk_msg_events(body, len, &e, &n, NULL) < 0)
		return;
	must(n >= 1 && n <= SK_MSG_EVENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		must(e[i].seq >= 1 && e[i].time >= 0 && (i == 0 || e[i].seq > e[i - 1].seq));
		must(e[i].body_len == strlen(e[i].body) && e[i].body_len <= SK_EVENT_BODY_MAX && e[i].body[0] != '\0');
		must(sk_text_is_utf8(e[i].body, e[i].body_len) && strlen(e[i].hash) == 64 && strlen(e[i].prev) == 64);
		must(e[i].kind[0] != '\0' && memchr(e[i].kind, '\0', sizeof(e[i].kind)) != NULL);
		sk_chain_hash("00000000-0000-4000-8000-000000000000", &e[i], hash);
		(void)sk_chain_follows("x", 0, SK_CHAIN_ZERO, &e[i]);
	}
	sk_msg_events_free(e, n);
}

static void report(const char *body, size_t len)
{
	json_t *r = NULL, *one;
	size_t i;

	if (sk_msg_report(body, len, &r, NULL) < 0)
		return;
	must(json_array_size(json_object_get(r, "posture")) <= 64 &&
	     json_array_size(json_object_get(r, "devices")) <= 256);
	json_array_foreach(json_object_get(r, "posture"), i, one)
	{
		must(sk_text_is_name(json_string_value(json_object_get(one, "id")), 40));
	}
	json_decref(r);
}

static void enrol(const char *body, size_t len)
{
	struct sk_msg_enrol m;

	if (sk_msg_enrol(body, len, &m, NULL) < 0)
		return;
	must(sk_text_is_host(m.host) && strlen(m.asset) <= 63 && strlen(m.token) <= 128 && strlen(m.csr) <= 8192);
	sk_msg_enrol_clear(&m);
}

static void renew(const char *body, size_t len)
{
	json_t *doc = NULL;
	const char *csr;

	if (sk_msg_renew(body, len, &doc, &csr, NULL) == 0) {
		must(strlen(csr) >= 64 && strlen(csr) <= 8192);
		json_decref(doc);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const char *body, size_t len) = {events, report, enrol, renew};
	char *body;

	if (size == 0)
		return 0;
	body = malloc(size); /* of its own, so that a read past the end shows; ended by NUL as the server's copy is */
	if (body == NULL)
		return 0;
	memcpy(body, data + 1, size - 1);
	body[size - 1] = '\0';
	readers[data[0] & 3](body, size - 1);
	free(body);
	return 0;
}
