/* Input: a timestamp. What is parsed prints, in the zone and in UTC, as text that parses to the
 * same instant. Dates and durations read the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "l1-value/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int truth)
{
	if (!truth)
		abort();
}

static void check_timestamp(struct zone *z, struct slice text, struct buf *out)
{
	struct timestamp t = {1, 2, 3}, again;
	struct err err;

	if (timestamp_parse(z, text, &t, &err) != 0) {
		demand(err.status == ERR_DATA && t.utc == 1 && t.local == 2 && t.nanos == 3);
		return;
	}
	demand(t.nanos >= 0 && t.nanos < 1000000000);
	demand(llabs(t.local - t.utc) < 86400);

	buf_clear(out);
	demand(timestamp_put_local(z, out, &t) == 0);
	demand(timestamp_parse(z, buf_view(out), &again, &err) == 0);
	demand(again.utc == t.utc && again.nanos == t.nanos);
	/* A local time that the clocks skip is printed as it was written, any other as it is. */
	demand(again.local == t.local);

	buf_clear(out);
	demand(timestamp_put_utc(out, t.utc, t.nanos) == 0);
	demand(timestamp_parse(z, buf_view(out), &again, &err) == 0);
	demand(again.utc == t.utc && again.nanos == t.nanos / 1000000 * 1000000);
	demand(again.local == t.utc + zone_offset(z, t.utc));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone *z;
	static struct buf out;
	struct slice text = {(const char *)data, size};
	int64_t day, micros, again;
	struct err err;

	if (z == NULL) {
		setenv("TZ", "Australia/Lord_Howe", 1); /* half an hour of summer time */
		z = zone_new();
		demand(z != NULL);
	}
	check_timestamp(z, text, &out);
	if (date_parse(text, &day, &err) == 0) {
		buf_clear(&out);
		demand(date_put(&out, day) == 0 && slice_equal(buf_view(&out), text));
	}
	if (duration_parse(text, &micros, &err) == 0) {
		buf_clear(&out);
		demand(micros >= 0 && duration_put(&out, micros) == 0);
		demand(duration_parse(buf_view(&out), &again, &err) == 0 && again == micros);
	}
	return 0;
}
