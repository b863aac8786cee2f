/* What S3 is told and tells in text. */
#include "l2-line/s3text.h"

#include <stdlib.h>

#include "check.h"

/* ---- places ---- */

static const struct {
	const char *place, *bucket, *prefix; /* bucket NULL: refused */
} places[] = {
	{"s3://lake", "lake", ""},
	{"s3://lake/", "lake", ""},
	{"s3://lake/a/b", "lake", "a/b"},
	{"s3://lake//a/b//", "lake", "a/b"},
	{"s3://My_bucket.x/ñ", "My_bucket.x", "ñ"},
	{"s3://", NULL, NULL},
	{"s3:///a", NULL, NULL},
	{"s3://ab/c", NULL, NULL},
	{"s3://a..b/c", NULL, NULL},
	{"s3://.abc", NULL, NULL},
	{"s3://a?b=c/", NULL, NULL},
	{"s3://arn:aws:s3:x", NULL, NULL},
	{"http://lake/a", NULL, NULL},
	{"lake/a", NULL, NULL},
};

static void test_places(void)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct slice bucket, prefix;
		struct err err;
		int result = s3text_place(places[i].place, &bucket, &prefix, &err);

		if (places[i].bucket == NULL)
			CHECK(result == -1 && err.status == ERR_USAGE, "%s is refused",
			      places[i].place);
		else
			CHECK(result == 0 && slice_is(bucket, places[i].bucket) &&
				      slice_is(prefix, places[i].prefix),
			      "%s", places[i].place);
	}
	CHECK(s3text_is_label(slice_of("lake-1")), "a bucket that can be in a host's name");
	CHECK(!s3text_is_label(slice_of("lake.dots")) && !s3text_is_label(slice_of("Lake")) &&
		      !s3text_is_label(slice_of("lake-")) && !s3text_is_label(slice_of("la_ke")),
	      "and some that cannot");
}

/* ---- lists ---- */

static int read_page(struct s3text_page *page, const char *text, struct err *err)
{
	char *copy =
		malloc(strlen(text)); /* without the NUL byte, so that a byte too far is seen */
	int result;

	memcpy(copy, text, strlen(text));
	result = s3text_page_read(page, (struct slice){copy, strlen(text)}, err);
	free(copy);
	return result;
}

/* The answer of the API reference, with what else may stand there. */
static const char objects[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
	"<Name>lake</Name><Prefix>a/</Prefix><KeyCount>3</KeyCount><MaxKeys>3</MaxKeys>"
	"<Delimiter>/</Delimiter>"
	"<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=+%20"
	"</NextContinuationToken>"
	"<IsTruncated>true</IsTruncated>"
	"<Contents><Key>a/p=1%2B2/x+y&amp;%26%.gz</Key><LastModified>2024</LastModified>"
	"<ETag>&quot;1&quot;</ETag><Size>12345678901234</Size>"
	"<Owner><ID>7</ID><Key>no</Key></Owner><StorageClass>STANDARD</StorageClass></Contents>"
	"<Contents><Size>0</Size><Key>%C3%B1</Key></Contents>"
	"<CommonPrefixes><Prefix>a/b/</Prefix><Key>no</Key></CommonPrefixes>"
	"<EncodingType>url</EncodingType></ListBucketResult>";

static const char uploads[] =
	"<ListMultipartUploadsResult><NextKeyMarker>k</NextKeyMarker>"
	"<NextUploadIdMarker>m</NextUploadIdMarker><IsTruncated>true</IsTruncated>"
	"<Upload><Key>a+b</Key><UploadId>X%2Fy+</UploadId><Initiator><ID>1</ID></Initiator>"
	"</Upload></ListMultipartUploadsResult>";

static void test_lists(void)
{
	struct s3text_page page = {0};
	struct err err;

	CHECK(read_page(&page, objects, &err) == 0 && page.count == 2 && page.more,
	      "a page of objects");
	CHECK(slice_is(page.entries[0].key, "a/p=1+2/x y&&%.gz") &&
		      page.entries[0].size == 12345678901234,
	      "key and size: %.*s", SLICE_ARG(page.entries[0].key));
	CHECK(slice_is(page.entries[1].key, "ñ") && page.entries[1].size == 0, "the other");
	CHECK(slice_is(page.token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=+%20"),
	      "a token is not encoded");
	CHECK(read_page(&page, uploads, &err) == 0 && page.count == 1 && page.more &&
		      page.token.len == 0,
	      "a page of uploads");
	CHECK(slice_is(page.entries[0].key, "a+b") && slice_is(page.entries[0].upload, "X%2Fy+"),
	      "that is not encoded");
	CHECK(slice_is(page.key_marker, "k") && slice_is(page.upload_marker, "m"), "markers");
	CHECK(read_page(&page, "<ListBucketResult/>", &err) == 0 && page.count == 0 && !page.more,
	      "an empty one");
	s3text_page_free(&page);
}

static void test_no_lists(void)
{
	static const char *const bad[] = {
		"",
		"<html><body>It works!</body></html>",
		"<ListBucketResult>",
		"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>x</Size>",
		"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
		"<Error><Code>InternalError</Code></Error>"};
	struct s3text_page page = {0};
	struct err err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK(read_page(&page, bad[i], &err) == -1 && err.status == ERR_DATA &&
			      page.count == 0,
		      "no list: %s", bad[i]);
	s3text_page_free(&page);
}

int main(void)
{
	test_places();
	test_lists();
	test_no_lists();
	return check_done();
}
