#include "policy/zone.h"

#include <errno.h>
#include <string.h>

#include "common/i18n.h"

const char *const sk_zone_names[SK_ZONES] = {"internet", "lgwan", "my-number"};
static const char *const words[SK_ZONES] = {N_("Internet zone"), N_("LGWAN zone"), N_("my-number zone")};

const char *sk_zone_name(enum sk_zone z)
{
	return (unsigned)z < SK_ZONES ? sk_zone_names[z] : "";
}

const char *sk_zone_word(enum sk_zone z)
{
	return (unsigned)z < SK_ZONES ? words[z] : "";
}

int sk_zone_parse(const char *name, enum sk_zone *out)
{
	for (int z = 0; z < SK_ZONES; z++) {
		if (strcmp(sk_zone_names[z], name) == 0) {
			*out = (enum sk_zone)z;
			return 0;
		}
	}
	return -EINVAL;
}
