/* The files config and credentials. */
#include "l2-line/awsfile.h"

#include <unistd.h>

#include "check.h"

static const char config[] = "# a comment\n"
			     "[default]\n"
			     "region = eu-west-1\r\n"
			     "\n"
			     "[profile  two]\n"
			     "  region=us-east-2\n"
			     "Output = json ; not a comment\n"
			     "s3 =\n"
			     "  addressing_style = path\n"
			     "  max_bandwidth=1MB/s\n"
			     "services = local\n"
			     "empty =\n"
			     "[profile \"with space\"]\n"
			     "region = a\n"
			     "region = b\n"
			     "[three]\n"
			     "region = c\n"
			     "[services local]\n"
			     "dynamodb =\n"
			     "  endpoint_url = http://127.0.0.1:1\n"
			     "s3 =\n"
			     "\tendpoint_url = http://127.0.0.1:2";

static int is(const char *got, const char *expected)
{
	if (got == NULL || expected == NULL)
		return got == expected;
	return strcmp(got, expected) == 0;
}

static void test_config(void)
{
	static const struct {
		const char *section, *key, *sub, *value;
	} of[] = {
		{"profile default", "region", NULL, "eu-west-1"},
		{"profile two", "region", NULL, "us-east-2"},
		{"profile two", "output", NULL, "json ; not a comment"},
		{"profile two", "s3", "addressing_style", "path"},
		{"profile two", "s3", "max_bandwidth", "1MB/s"},
		{"profile two", "addressing_style", NULL, NULL},
		{"profile two", "services", NULL, "local"},
		{"profile two", "empty", NULL, NULL},
		{"profile with space", "region", NULL, "b"},
		{"profile three", "region", NULL, NULL},
		{"services local", "dynamodb", "endpoint_url", "http://127.0.0.1:1"},
		{"services local", "s3", "endpoint_url", "http://127.0.0.1:2"},
		{"services local", "kinesis", "endpoint_url", NULL},
	};
	struct err err = {0};
	struct awsfile *f = awsfile_parse(config, "config", AWSFILE_CONFIG, &err);

	CHECK(f != NULL, "config: %s", err.message);
	if (f == NULL)
		return;
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
		CHECK(is(awsfile_get(f, of[i].section, of[i].key, of[i].sub), of[i].value),
		      "%s, %s%s%s", of[i].section, of[i].key, of[i].sub == NULL ? "" : ", ",
		      of[i].sub == NULL ? "" : of[i].sub);
	CHECK(awsfile_has(f, "profile two") && !awsfile_has(f, "profile one"), "which are there");
	CHECK(!awsfile_has(f, "profile three"), "no profile without that word");
	awsfile_free(f);
}

static void test_credentials(void)
{
	struct err err;
	struct awsfile *f =
		awsfile_parse("[profile x]\na=1\n[x]\na=2\n", "c", AWSFILE_CREDENTIALS, &err);

	CHECK(is(awsfile_get(f, "profile x", "a", NULL), "2"), "a section is a profile's name");
	CHECK(is(awsfile_get(f, "profile profile x", "a", NULL), "1"), "all of it");
	awsfile_free(f);
}

static void test_wrong(void)
{
	static const char *const wrong[][2] = {
		{"a = 1\n", "c:1: "}, {"[x]\n\nword\n", "c:3: "}, {"[x\na=1\n", "c:1: "}};
	struct err err;
	char path[] = "/tmp/awsfile-XXXXXX/none";

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct awsfile *f = awsfile_parse(wrong[i][0], "c", AWSFILE_CONFIG, &err);

		CHECK(f == NULL && err.status == ERR_CONFIG &&
			      strncmp(err.message, wrong[i][1], strlen(wrong[i][1])) == 0,
		      "refused, with its line: %s", wrong[i][1]);
		awsfile_free(f);
	}
	{
		struct awsfile *f = awsfile_read(path, AWSFILE_CONFIG, &err);

		CHECK(f != NULL && !awsfile_has(f, "profile default"), "no file is an empty one");
		awsfile_free(f);
	}
}

int main(void)
{
	test_config();
	test_credentials();
	test_wrong();
	return check_done();
}
