#include "l2-line/point.h"

#include <ctype.h>
#include <inttypes.h>

#include "l1-value/text.h"

#define DIMENSION_MAX 1024 /* characters of a value, by the service */

static int is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

int point_put_key(struct buf *key, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];

		if (is_control(c))
			buf_printf(key, "%%%02X", c);
		else
			buf_byte(key, (char)c);
	}
	return buf_byte(key, '\0') != 0 || key->failed ? -1 : 0;
}

struct slice point_next_value(struct slice *key)
{
	struct slice value = {key->at, 0};

	if (key->len == 0)
		return value;
	value.len = strnlen(key->at, key->len);
	key->at += value.len + 1;
	key->len -= value.len + 1;
	return value;
}

/* Source: CloudWatch API reference, Dimension. */
int point_put_dimension(struct buf *out, struct slice value)
{
	size_t start = out->len, solid = 0;

	for (size_t i = 0; i < value.len; i++)
		solid += value.at[i] != ' ';
	if (value.len == 0)
		return buf_puts(out, "(empty)");
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		int plain = c >= 0x20 && c < 0x7f && (solid > 0 || c != ' ') && (i > 0 || c != ':');

		if (out->len - start + 3 > DIMENSION_MAX)
			break;
		if (plain)
			buf_byte(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
	return out->failed ? -1 : 0;
}

static void put_number(struct buf *out, const struct point_value *v)
{
	char text[DECIMAL_TEXT_MAX];

	decimal_print(&v->amount, text);
	buf_puts(out, text);
}

static void put_metric_names(struct buf *out, const struct point_shape *shape,
			     const struct point *p)
{
	int first = 1;

	for (size_t i = 0; i < shape->count; i++) {
		if (!p->values[i].known)
			continue;
		buf_puts(out, first ? "{\"Name\":" : ",{\"Name\":");
		json_put_string(out, slice_of(shape->names[i]));
		buf_byte(out, '}');
		first = 0;
	}
}

/* Source: CloudWatch user guide, Embedded metric format specification. */
int point_put_emf(struct buf *out, const struct point_shape *shape, const struct point *p)
{
	struct slice key = p->key;
	struct buf value = {0};
	int failed;

	buf_printf(out,
		   "{\"_aws\":{\"Timestamp\":%" PRId64 ",\"CloudWatchMetrics\":[{\"Namespace\":",
		   p->minute * 1000);
	json_put_string(out, slice_of(shape->namespace));
	buf_puts(out, ",\"Dimensions\":[[");
	for (size_t i = 0; i < shape->dimension_count; i++) {
		if (i > 0)
			buf_byte(out, ',');
		json_put_string(out, slice_of(shape->dimensions[i]));
	}
	buf_puts(out, "]],\"Metrics\":[");
	put_metric_names(out, shape, p);
	buf_puts(out, "]}]}");
	for (size_t i = 0; i < shape->dimension_count; i++) {
		buf_byte(out, ',');
		json_put_string(out, slice_of(shape->dimensions[i]));
		buf_byte(out, ':');
		buf_clear(&value);
		point_put_dimension(&value, point_next_value(&key));
		json_put_string(out, buf_view(&value));
	}
	for (size_t i = 0; i < shape->count; i++) {
		if (!p->values[i].known)
			continue;
		buf_byte(out, ',');
		json_put_string(out, slice_of(shape->names[i]));
		buf_byte(out, ':');
		put_number(out, &p->values[i]);
	}
	buf_puts(out, "}\n");
	failed = value.failed || out->failed;
	buf_free(&value);
	return failed ? -1 : 0;
}

/* Words of "TransaccionesXMinuto" apart, in small letters. */
static void put_words(struct buf *out, const char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		unsigned char c = (unsigned char)name[i];
		unsigned char before = i > 0 ? (unsigned char)name[i - 1] : '\0';
		int begins =
			isupper(c) && (islower(before) || isdigit(before) ||
				       (isupper(before) && islower((unsigned char)name[i + 1])));

		if (begins)
			buf_byte(out, '_');
		buf_byte(out, isalnum(c) && c < 0x80 ? (char)tolower(c) : '_');
	}
}

int point_put_snake(struct buf *out, const char *namespace, const char *name)
{
	if (*namespace == '\0' || isdigit((unsigned char)*namespace))
		buf_byte(out, '_');
	put_words(out, namespace);
	buf_byte(out, '_');
	put_words(out, name);
	return out->failed ? -1 : 0;
}

/* Source: prometheus.io, Exposition formats, Text-based format. */
int point_put_prometheus(struct buf *out, const struct point_shape *shape, const struct point *p,
			 size_t metric)
{
	struct slice key = p->key;

	point_put_snake(out, shape->namespace, shape->names[metric]);
	for (size_t i = 0; i < shape->dimension_count; i++) {
		struct slice value = point_next_value(&key);

		buf_byte(out, i == 0 ? '{' : ',');
		if (isdigit((unsigned char)*shape->dimensions[i]))
			buf_byte(out, '_');
		put_words(out, shape->dimensions[i]);
		buf_puts(out, "=\"");
		for (size_t j = 0; j < value.len; j++) {
			if (value.at[j] == '"' || value.at[j] == '\\')
				buf_byte(out, '\\');
			buf_byte(out, value.at[j]);
		}
		buf_byte(out, '"');
	}
	if (shape->dimension_count > 0)
		buf_byte(out, '}');
	buf_byte(out, ' ');
	put_number(out, &p->values[metric]);
	return buf_byte(out, '\n') != 0 || out->failed ? -1 : 0;
}
