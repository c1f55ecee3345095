/*
 * How long a decision takes: decide_loop POLICY GRANTS ROUNDS. POLICY is a file, GRANTS how many grants are held; the devices are a refused stick, a
 * stick with a grant, a keyboard, a webcam with four interfaces and a model that one rule names. Prints {"ns":[median of each device]}:
 * nanoseconds of CPU per decision, medians over batches.
 */
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "policy/decide.h"

#define DEVICES 5
#define BATCH   200
#define NOW     1775005200000ll

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void key_of(char key[SK_SHA256_HEX], unsigned n)
{
	for (int i = 0; i < 8; i++, n = n * 2654435761u + 12345u)
		snprintf(key + 8 * i, 9, "%08x", n * 2654435761u);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct sk_grant *)a)->device_key, ((const struct sk_grant *)b)->device_key);
}

static struct sk_grants *grants(unsigned n)
{
	struct sk_grants *g = calloc(1, sizeof(*g));

	if (!g || !(g->items = calloc(n + 1, sizeof(*g->items))))
		exit(1);
	g->n = n;
	for (unsigned i = 0; i < n; i++) {
		snprintf(g->items[i].id, sizeof(g->items[i].id), "11111111-2222-4333-8444-%012u", i);
		key_of(g->items[i].device_key, i);
		g->items[i].access = SK_ACCESS_RO;
		g->items[i].from = NOW - 1000;
		g->items[i].until = NOW + 1000000;
	}
	qsort(g->items, n, sizeof(*g->items), by_key);
	return g;
}

static void add(struct sk_device *d, uint8_t cls, uint8_t sub, uint8_t proto)
{
	d->desc.alts[d->desc.n_alts] = (struct sk_usb_alt){.config = 1,
	                                                   .number = (uint8_t)d->desc.n_alts,
	                                                   .cls = cls,
	                                                   .sub = sub,
	                                                   .proto = proto,
	                                                   .first_config = true};
	d->desc.n_alts++;
}

static void devices(struct sk_device d[DEVICES])
{
	static const uint16_t models[DEVICES][2] = {
	    {0x0951, 0x1666}, {0x8564, 0x1000}, {0x046d, 0xc31c}, {0x046d, 0x082d}, {0x1209, 0x0007}};

	memset(d, 0, DEVICES * sizeof(d[0]));
	for (unsigned i = 0; i < DEVICES; i++) {
		d[i].desc.vid = models[i][0];
		d[i].desc.pid = models[i][1];
		d[i].desc_ok = d[i].has_serial = true;
		sk_text_copy(d[i].bus, sizeof(d[i].bus), "usb");
		snprintf(d[i].name, sizeof(d[i].name), "1-%u", i + 1);
		snprintf(d[i].serial, sizeof(d[i].serial), "BENCH%u", i);
		sk_text_copy(d[i].vendor, sizeof(d[i].vendor), "Maker of things");
		sk_text_copy(d[i].product, sizeof(d[i].product), "Model with a longer name");
		key_of(d[i].desc.device_key, i == 1 ? 2 : 1000000 + i);
	}
	add(&d[0], 8, 6, 0x50);
	add(&d[1], 8, 6, 0x50);
	add(&d[2], 3, 1, 1);
	add(&d[3], 14, 1, 0);
	add(&d[3], 14, 2, 0);
	add(&d[3], 1, 1, 0);
	add(&d[3], 1, 2, 0);
	add(&d[4], 255, 0, 0);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double measure(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d, int rounds)
{
	static const char *const groups[] = {"staff", "zeimu", "printing", "vpn"};
	const struct sk_context c = {.now = NOW,
	                             .person = "shokuin1",
	                             .other_keyboards = 1,
	                             .other_mice = 1,
	                             .groups = groups,
	                             .n_groups = 4,
	                             .host = "pc-0123",
	                             .section = "zeimu",
	                             .utc_offset_s = 32400};
	static struct sk_verdict v;
	int64_t *took = calloc((size_t)rounds, sizeof(*took));
	double median;

	if (!took)
		exit(1);
	for (int i = 0; i < rounds; i++) {
		int64_t begin = cpu_ns();

		for (int k = 0; k < BATCH; k++)
			sk_decide(p, g, d, &c, &v);
		took[i] = cpu_ns() - begin;
	}
	qsort(took, (size_t)rounds, sizeof(*took), by_value);
	median = (double)took[rounds / 2] / BATCH;
	free(took);
	return median;
}

int main(int argc, char **argv)
{
	static struct sk_device d[DEVICES];
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_grants *g;

	if (argc != 4 || sk_policy_load(argv[1], &p, &err) < 0) {
		fprintf(stderr, "usage: decide_loop POLICY GRANTS ROUNDS\n%s\n", err.text);
		return 1;
	}
	g = grants((unsigned)atoi(argv[2]));
	devices(d);
	printf("{\"ns\":[");
	for (int i = 0; i < DEVICES; i++)
		printf("%s%.1f", i ? "," : "", measure(p, g, &d[i], atoi(argv[3])));
	printf("]}\n");
	sk_grants_free(g);
	sk_policy_free(p);
	return 0;
}
