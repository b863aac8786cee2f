#include "l4-service/kindata.h"

#include "l2-line/kpl.h"
#include "l3-stream/feed.h"
#include "l3-stream/kinpos.h"

static int begins(struct slice line, const char *text)
{
	size_t n = strlen(text);

	return line.len >= n && memcmp(line.at, text, n) == 0;
}

static int is_control(struct slice line)
{
	return begins(line, "{\"@barrier\"") || begins(line, "{\"@end\"") ||
	       begins(line, "{\"@gap\"") || slice_is(line, SEEN_MARK);
}

static int give_line(struct kinshard *s, struct slice line, struct feed *feed,
		     struct kindata_counts *counts, struct err *err)
{
	struct buf *out = feed_buf(feed);
	struct slice parts[2] = {line, {NULL, 0}}, name;
	uint64_t ordinal;

	if (is_control(line)) {
		counts->foreign++;
		return 0;
	}
	if (seen_cut_label(line, parts, &name, &ordinal)) {
		struct seen *seen = kinshard_writer(s, name, err);

		if (seen == NULL)
			return -1;
		if (!seen_meet(seen, ordinal)) {
			counts->twice++;
			return 0;
		}
		if (begins(line, "{\"@anew\":{},"))
			return 0;
	}
	buf_slice(out, parts[0]);
	buf_slice(out, parts[1]);
	buf_byte(out, '\n');
	feed_count(feed, 1);
	return 0;
}

/* Cut off the first line. */
static struct slice cut_line(struct slice *data)
{
	const char *newline = memchr(data->at, '\n', data->len);
	struct slice line = {data->at, newline == NULL ? data->len : (size_t)(newline - data->at)};
	size_t used = line.len + (newline != NULL);

	data->at += used;
	data->len -= used;
	return line;
}

struct slice kindata_writer(struct slice data)
{
	struct slice parts[2], name = {NULL, 0};
	uint64_t ordinal;

	if (data.len == 0 || !seen_cut_label(cut_line(&data), parts, &name, &ordinal))
		name = (struct slice){NULL, 0};
	return name;
}

static int give_lines(struct kinshard *s, struct slice data, struct feed *feed,
		      struct kindata_counts *counts, struct err *err)
{
	while (data.len > 0) {
		struct slice line = cut_line(&data);

		if (line.len > 0 && give_line(s, line, feed, counts, err) != 0)
			return -1;
	}
	return 0;
}

int kindata_give(struct kinshard *s, struct slice data, struct feed *feed,
		 struct kindata_counts *counts, struct err *err)
{
	struct kpl packed;

	if (!kpl_begin(data, &packed))
		return give_lines(s, data, feed, counts, err);
	while (kpl_next(&packed, &data))
		if (give_lines(s, data, feed, counts, err) != 0)
			return -1;
	return 0;
}
