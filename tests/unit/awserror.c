/* Errors of services: code, message, what to do. */
#include "l2-line/awserror.h"

#include "check.h"
#include "l1-value/httpdate.h"
#include "l2-line/reader.h"

static const struct {
	const char *reply, *type;
	int status;
	const char *code, *message;
	enum awserror_kind kind;
	enum err_status exit;
} errors[] = {
	{"{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\","
	 "\"message\":\"The conditional request failed\"}",
	 "", 400, "ConditionalCheckFailedException", "The conditional request failed",
	 AWSERROR_OTHER, ERR_CONFIG},
	{"{\"__type\":\"ThrottlingException\",\"Message\":\"slow\"}", "", 400,
	 "ThrottlingException", "slow", AWSERROR_THROTTLED, ERR_TEMP},
	{"{\"message\":\"m\"}", "AccessDeniedException:http://x/", 403, "AccessDeniedException",
	 "m", AWSERROR_DENIED, ERR_DENIED},
	{"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>", "", 404, "NoSuchBucket",
	 "none", AWSERROR_MISSING, ERR_CONFIG},
	{"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code>"
	 "<Message>old</Message></Error></ErrorResponse>",
	 "", 403, "ExpiredToken", "old", AWSERROR_EXPIRED, ERR_DENIED},
	{"<Error><Code>SignatureDoesNotMatch</Code><Message>no\nhost:x\nx-amz-security-token:"
	 "SECRET</Message></Error>",
	 "", 403, "SignatureDoesNotMatch", "no", AWSERROR_CLOCK, ERR_DENIED},
	{"", "", 503, "503", "", AWSERROR_TRANSIENT, ERR_TEMP},
	{"<html>bad gateway", "", 502, "502", "", AWSERROR_TRANSIENT, ERR_TEMP},
	{"{", "", 500, "500", "", AWSERROR_TRANSIENT, ERR_TEMP},
	{"[]", "", 404, "404", "", AWSERROR_MISSING, ERR_CONFIG},
	{"", "", 429, "429", "", AWSERROR_THROTTLED, ERR_TEMP},
	{"", "", 403, "403", "", AWSERROR_DENIED, ERR_DENIED},
};

static void test_errors(void)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct buf reply = {0}, code = {0}, message = {0};
		enum awserror_kind kind;

		buf_puts(&reply, errors[i].reply);
		buf_room(&reply, READER_PADDING);
		awserror_read(buf_view(&reply), slice_of(errors[i].type), errors[i].status, &code,
			      &message);
		kind = awserror_kind(code.at, errors[i].status);
		CHECK(strcmp(code.at, errors[i].code) == 0 &&
			      strcmp(message.at, errors[i].message) == 0 &&
			      kind == errors[i].kind && awserror_status(kind) == errors[i].exit,
		      "%d %s: %s", errors[i].status, errors[i].code, message.at);
		buf_free(&reply);
		buf_free(&code);
		buf_free(&message);
	}
}

static void test_dates(void)
{
	static const char *const wrong[] = {"",
					    "Sun, 06 Nov 1994 08:49:37 UTC",
					    "Sunday, 06-Nov-94 08:49:37 GMT",
					    "Sun, 06 ovD 1994 08:49:37 GMT",
					    "Sun, 46 Nov 1994 08:49:37 GMT",
					    "Sat, 31 Feb 2024 08:49:37 GMT",
					    "Sun, 06 Nov 1994 8:49:37  GMT",
					    "Sun, 00 Nov 1994 08:49:37 GMT",
					    "Sun, 06 Nov 1994 +8:49:37 GMT"};
	int64_t at = 5;

	CHECK(httpdate_parse(slice_of("Sun, 06 Nov 1994 08:49:37 GMT"), &at) == 0 &&
		      at == 784111777,
	      "the date of RFC 9110");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		CHECK(httpdate_parse(slice_of(wrong[i]), &at) == -1 && at == 784111777,
		      "no date: %s", wrong[i]);
}

int main(void)
{
	test_errors();
	test_dates();
	return check_done();
}
