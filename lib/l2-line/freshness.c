#include "l2-line/freshness.h"

#include <inttypes.h>

#include "l1-value/display.h"
#include "l1-value/timestamp.h"

int64_t freshness_now(void)
{
	int64_t utc;
	int32_t nanos;

	timestamp_now(&utc, &nanos);
	return utc * 1000000 + nanos / 1000;
}

int freshness_put_time(struct buf *out, const struct freshness *f)
{
	int64_t seconds = f->time / 1000000 - (f->time % 1000000 < 0);

	return timestamp_put_utc(out, seconds, (int32_t)(f->time - seconds * 1000000) * 1000);
}

int freshness_put(struct buf *out, const struct freshness *f)
{
	int64_t age = f->now - f->time;

	if (!f->known)
		return buf_puts(out, "no checkpoint in this store: not known how fresh");
	buf_puts(out, "as of ");
	freshness_put_time(out, f);
	buf_puts(out, " (");
	display_duration(out, age < 0 ? -age : age);
	return buf_printf(out, " %s), epoch %" PRId64, age < 0 ? "ahead of this clock" : "ago",
			  f->epoch);
}

struct decimal freshness_age(const struct freshness *f)
{
	return (struct decimal){(f->now - f->time) / 1000, 3};
}
