/* Japanese eras (和暦), as forms are dated: 令和8年11月25日. */
#ifndef SK_COMMON_ERA_H
#define SK_COMMON_ERA_H

#include "common/clock.h"

/* Local time with the era's year: "令和8年11月25日 12:34"; day_only without the time. Before 昭和 (25 December 1926) the year is of the common era. */
void sk_era_format(sk_ms t, bool day_only, char *out, size_t size);
/* A fiscal year by the era that its greater part lies in: 2019 is "令和元". */
void sk_era_fiscal_year(int year, char *out, size_t size);

#endif
