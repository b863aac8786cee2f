/* Signatures: the cases that AWS publishes, in its signing test suite (awslabs/aws-c-auth,
 * tests/aws-signing-test-suite/v4) and in its documentation of S3 and IAM. */
#include "l2-line/sigv4.h"

#include "check.h"
#include "l0-base/hash.h"
#include "l1-value/percent.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SUITE "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DOC "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define TOKEN                                                                                      \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRX"   \
	"mxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy" \
	"0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lI" \
	"ZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define EXAMPLE                                  \
	{"host", "example.amazonaws.com"},       \
	{                                        \
		"x-amz-date", "20150830T123600Z" \
	}
#define BUCKET                                      \
	{"Host", "examplebucket.s3.amazonaws.com"}, \
	{                                           \
		"x-amz-date", "20130524T000000Z"    \
	}
#define CONTENT(hash)                        \
	{                                    \
		"x-amz-content-sha256", hash \
	}

enum { AT_2015 = 1440938160, AT_2013 = 1369353600 };

static const struct example {
	const char *name, *id, *secret, *service;
	int64_t time;
	const char *method, *path, *query; /* the path is not encoded yet */
	const char *headers[8][2];
	const char *payload, *signature;
} examples[] = {
	{"get-vanilla",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 "",
	 {EXAMPLE},
	 EMPTY,
	 "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"get-vanilla-query-order-key-case",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 "Param2=value2&Param1=value1",
	 {EXAMPLE},
	 EMPTY,
	 "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"get-vanilla-query-order-encoded",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
	 {EXAMPLE},
	 EMPTY,
	 "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
	{"get-vanilla-query-unreserved",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 UNRESERVED "=" UNRESERVED,
	 {EXAMPLE},
	 EMPTY,
	 "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
	{"get-utf8",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/\xe1\x88\xb4",
	 "",
	 {EXAMPLE},
	 EMPTY,
	 "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
	{"get-space",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/example space/",
	 "",
	 {EXAMPLE},
	 EMPTY,
	 "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
	{"get-header-key-duplicate",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 "",
	 {EXAMPLE, {"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
	 EMPTY,
	 "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
	{"get-header-value-trim",
	 SUITE,
	 "service",
	 AT_2015,
	 "GET",
	 "/",
	 "",
	 {EXAMPLE, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
	 EMPTY,
	 "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
	{"post-header-key-sort",
	 SUITE,
	 "service",
	 AT_2015,
	 "POST",
	 "/",
	 "",
	 {{"My-Header1", "value1"}, EXAMPLE},
	 EMPTY,
	 "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
	{"post-sts-header-before",
	 SUITE,
	 "service",
	 AT_2015,
	 "POST",
	 "/",
	 "",
	 {EXAMPLE, {"X-Amz-Security-Token", TOKEN}},
	 EMPTY,
	 "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	{"post-x-www-form-urlencoded",
	 SUITE,
	 "service",
	 AT_2015,
	 "POST",
	 "/",
	 "",
	 {EXAMPLE,
	  {"Content-Type", "application/x-www-form-urlencoded"},
	  {"Content-Length", "13"},
	  CONTENT("9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")},
	 "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
	 "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
	{"S3: GET object with a range",
	 DOC,
	 "s3",
	 AT_2013,
	 "GET",
	 "/test.txt",
	 "",
	 {BUCKET, CONTENT(EMPTY), {"Range", "bytes=0-9"}},
	 EMPTY,
	 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	{"S3: PUT object",
	 DOC,
	 "s3",
	 AT_2013,
	 "PUT",
	 "/test$file.text",
	 "",
	 {BUCKET,
	  {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
	  {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
	  CONTENT("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")},
	 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	{"S3: GET lifecycle, a parameter without value",
	 DOC,
	 "s3",
	 AT_2013,
	 "GET",
	 "/",
	 "lifecycle",
	 {BUCKET, CONTENT(EMPTY)},
	 EMPTY,
	 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	{"S3: list objects",
	 DOC,
	 "s3",
	 AT_2013,
	 "GET",
	 "/",
	 "max-keys=2&prefix=J",
	 {BUCKET, CONTENT(EMPTY)},
	 EMPTY,
	 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	{"IAM: ListUsers",
	 SUITE,
	 "iam",
	 AT_2015,
	 "GET",
	 "/",
	 "Action=ListUsers&Version=2010-05-08",
	 {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
	  {"host", "iam.amazonaws.com"},
	  {"x-amz-date", "20150830T123600Z"}},
	 EMPTY,
	 "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
};

static void test_example(const struct example *e)
{
	struct sigv4 *s = sigv4_new("us-east-1", e->service);
	struct sigv4_header h[8];
	struct buf path = {0}, out = {0};
	struct err err = {0};
	struct sigv4_request r = {.method = e->method,
				  .query = slice_of(e->query),
				  .headers = h,
				  .payload = slice_of(e->payload),
				  .time = e->time,
				  .path_is_final = 1};

	percent_put(&path, slice_of(e->path), "/");
	r.path = buf_view(&path);
	for (; r.header_count < 8 && e->headers[r.header_count][0] != NULL; r.header_count++) {
		h[r.header_count].name = slice_of(e->headers[r.header_count][0]);
		h[r.header_count].value = slice_of(e->headers[r.header_count][1]);
	}
	CHECK(sigv4_sign(s, e->id, e->secret, &r, &out, &err) == 0 && out.len > 64 &&
		      memcmp(out.at + out.len - 64, e->signature, 64) == 0,
	      "%s", e->name);
	buf_free(&path);
	buf_free(&out);
	sigv4_free(s);
}

static struct slice signed_with(struct sigv4 *s, const char *id, const char *secret, int64_t at,
				const char *path, int path_is_final, struct buf *out)
{
	char date[SIGV4_TIME_SIZE] = "";
	struct sigv4_header h[2] = {{slice_of("host"), slice_of("h")},
				    {slice_of("x-amz-date"), slice_of(date)}};
	struct sigv4_request r = {.method = "GET",
				  .path = slice_of(path),
				  .headers = h,
				  .header_count = 2,
				  .payload = slice_of(EMPTY),
				  .time = at,
				  .path_is_final = path_is_final};
	struct err err;

	sigv4_time(at, date);
	h[1].value = slice_of(date);
	buf_clear(out);
	sigv4_sign(s, id, secret, &r, out, &err);
	return buf_view(out);
}

/* The key that is kept is that of another day, or of another id, no more. */
static void test_kept_key(void)
{
	struct buf a = {0}, b = {0};
	struct sigv4 *kept = sigv4_new("us-east-1", "s3");
	static const struct {
		const char *id, *secret;
		int64_t at;
	} turns[] = {{"A", "one", 0},     {"A", "one", 86399}, {"A", "one", 86400},
		     {"B", "two", 86400}, {"A", "one", 86400}, {"A", "one", 0}};

	for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
		struct sigv4 *fresh = sigv4_new("us-east-1", "s3");

		CHECK(slice_equal(signed_with(kept, turns[i].id, turns[i].secret, turns[i].at, "/",
					      1, &a),
				  signed_with(fresh, turns[i].id, turns[i].secret, turns[i].at, "/",
					      1, &b)),
		      "turn %zu: as a new signer signs", i);
		sigv4_free(fresh);
	}
	sigv4_free(kept);
	buf_free(&a);
	buf_free(&b);
}

static void test_path(void)
{
	struct sigv4 *s = sigv4_new("us-east-1", "s3");
	struct buf out = {0};

	signed_with(s, "A", "one", 0, "/a%20b", 1, &out);
	CHECK(memmem(sigv4_canonical(s).at, sigv4_canonical(s).len, "\n/a%20b\n", 8) != NULL,
	      "S3: the path as it is");
	signed_with(s, "A", "one", 0, "/a%20b", 0, &out);
	CHECK(memmem(sigv4_canonical(s).at, sigv4_canonical(s).len, "\n/a%2520b\n", 10) != NULL,
	      "others: encoded once more");
	buf_free(&out);
	sigv4_free(s);
}

int main(void)
{
	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
		test_example(&examples[i]);
	test_kept_key();
	test_path();
	return check_done();
}
