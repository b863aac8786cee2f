#include "l2-line/s3text.h"

#include <stdlib.h>

#include "l1-value/xmltext.h"

/* ---- places ---- */

/* AWS, "General purpose bucket naming rules"; older buckets and other makers allow capitals and
 * underscores. */
static int is_bucket(struct slice s)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

	if (s.len < 3 || s.len > 255 || s.at[0] == '.' || memmem(s.at, s.len, "..", 2) != NULL)
		return 0;
	for (size_t i = 0; i < s.len; i++)
		if (strchr(allowed, s.at[i]) == NULL)
			return 0;
	return 1;
}

int s3text_place(const char *place, struct slice *bucket, struct slice *prefix, struct err *err)
{
	static const char scheme[] = "s3://";
	const char *rest;

	if (strncmp(place, scheme, sizeof scheme - 1) != 0)
		return err_set(err, ERR_USAGE, "%s: neither a directory nor s3://BUCKET/PREFIX",
			       place);
	rest = place + sizeof scheme - 1;
	*bucket = (struct slice){rest, strcspn(rest, "/")};
	if (!is_bucket(*bucket))
		return err_set(err, ERR_USAGE, "%s: \"%.*s\" is not the name of a bucket", place,
			       SLICE_ARG(*bucket));
	rest += bucket->len;
	while (*rest == '/')
		rest++;
	*prefix = slice_of(rest);
	while (prefix->len > 0 && prefix->at[prefix->len - 1] == '/')
		prefix->len--;
	return 0;
}

int s3text_is_label(struct slice bucket)
{
	for (size_t i = 0; i < bucket.len; i++) {
		char c = bucket.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return 0;
	}
	return bucket.len <= 63 && bucket.at[0] != '-' && bucket.at[bucket.len - 1] != '-';
}

/* ---- lists ---- */

struct reading {
	struct s3text_page *page;
	struct xmltext x;
	size_t begun; /* of the text of the element that is open */
	struct s3text_entry entry;
	int encoded, is_list;
};

void s3text_page_free(struct s3text_page *page)
{
	free(page->entries);
	buf_free(&page->text);
	*page = (struct s3text_page){0};
}

static int read_number(struct slice text, uint64_t *number, struct err *err)
{
	*number = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || text.len > 18)
			return err_set(err, ERR_DATA, "Size: not a number");
		*number = *number * 10 + (uint64_t)(text.at[i] - '0');
	}
	return 0;
}

static int add_entry(struct reading *r, struct err *err)
{
	struct s3text_page *page = r->page;

	if (r->entry.key.len == 0)
		return err_set(err, ERR_DATA, "a list with an entry that has no key");
	if (page->count == page->room) {
		size_t room = page->room == 0 ? 64 : 2 * page->room;
		struct s3text_entry *entries = realloc(page->entries, room * sizeof *entries);

		if (entries == NULL)
			return err_memory(err);
		page->entries = entries;
		page->room = room;
	}
	page->entries[page->count++] = r->entry;
	r->entry = (struct s3text_entry){0};
	return 0;
}

static struct slice text_of(const struct reading *r)
{
	return (struct slice){r->page->text.at + r->begun, r->page->text.len - r->begun};
}

/* An element within an entry ends. */
static int close_field(struct reading *r, struct slice name, struct err *err)
{
	struct slice text = text_of(r);

	if (slice_is(name, "Key"))
		r->entry.key = text;
	else if (slice_is(name, "UploadId"))
		r->entry.upload = text;
	else if (slice_is(name, "Size"))
		return read_number(text, &r->entry.size, err);
	return 0;
}

/* An element right below the root ends. */
static int close_member(struct reading *r, struct slice name, struct err *err)
{
	struct s3text_page *page = r->page;
	struct slice text = text_of(r);

	if (slice_is(name, "Contents") || slice_is(name, "Upload"))
		return add_entry(r, err);
	if (slice_is(name, "IsTruncated"))
		page->more = slice_is(text, "true");
	else if (slice_is(name, "EncodingType"))
		r->encoded = slice_is(text, "url");
	else if (slice_is(name, "NextContinuationToken"))
		page->token = text;
	else if (slice_is(name, "NextKeyMarker"))
		page->key_marker = text;
	else if (slice_is(name, "NextUploadIdMarker"))
		page->upload_marker = text;
	return 0;
}

static int on_event(struct reading *r, int event, struct err *err)
{
	const struct xmltext *x = &r->x;
	struct slice parent = x->depth == 2 ? x->open[1] : (struct slice){NULL, 0};

	switch (event) {
	case XMLTEXT_OPEN:
		r->begun = r->page->text.len;
		if (x->depth == 1)
			r->is_list = slice_is(x->name, "ListBucketResult") ||
				     slice_is(x->name, "ListMultipartUploadsResult");
		return 0;
	case XMLTEXT_TEXT:
		return buf_slice(&r->page->text, x->text) == 0 ? 0 : err_memory(err);
	default:
		if (x->depth == 1)
			return close_member(r, x->name, err);
		if (x->depth == 2 && (slice_is(parent, "Contents") || slice_is(parent, "Upload")))
			return close_field(r, x->name, err);
		return 0;
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* In place, as encoding-type=url has it: a form's encoding, a space as '+'. */
static void decode(struct slice *s)
{
	char *at = (char *)s->at;
	size_t to = 0;

	for (size_t i = 0; i < s->len; i++) {
		int high = at[i] == '%' && i + 2 < s->len ? hex_digit(at[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(at[i + 2]) : -1;

		if (low >= 0) {
			at[to++] = (char)(high << 4 | low);
			i += 2;
		} else {
			at[to++] = at[i] == '+' ? ' ' : at[i];
		}
	}
	s->len = to;
}

int s3text_page_read(struct s3text_page *page, struct slice reply, struct err *err)
{
	struct reading r = {.page = page};
	int event, result = 0;

	page->count = 0;
	page->more = 0;
	page->token = page->key_marker = page->upload_marker = (struct slice){"", 0};
	buf_clear(&page->text);
	/* No text is longer than in XML: with all the room from the start, none moves. */
	if (buf_room(&page->text, reply.len + 1) == NULL)
		return err_memory(err);
	xmltext_begin(&r.x, reply);
	while (result == 0 && (event = xmltext_next(&r.x, err)) != XMLTEXT_END)
		result = event < 0 ? -1 : on_event(&r, event, err);
	xmltext_free(&r.x);
	if (result == 0 && !r.is_list)
		result = err_set(err, ERR_DATA, "not a list");
	if (result == 0 && page->more && page->token.len == 0 && page->key_marker.len == 0)
		result = err_set(err, ERR_DATA, "a list that goes on, but does not say where");
	for (size_t i = 0; result == 0 && r.encoded && i < page->count; i++)
		decode(&page->entries[i].key);
	if (result == 0 && r.encoded)
		decode(&page->key_marker);
	if (result != 0)
		page->count = 0;
	return result;
}
