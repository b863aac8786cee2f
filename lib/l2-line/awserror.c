#include "l2-line/awserror.h"

#include "l1-value/xmltext.h"
#include "l2-line/scan.h"

static void put_code(struct buf *out, struct slice text)
{
	const char *hash = text.len == 0 ? NULL : memrchr(text.at, '#', text.len);
	const char *colon;

	if (hash != NULL)
		text = (struct slice){hash + 1, text.len - (size_t)(hash + 1 - text.at)};
	colon = text.len == 0 ? NULL : memchr(text.at, ':', text.len);
	if (colon != NULL)
		text.len = (size_t)(colon - text.at);
	buf_slice(out, text);
}

static void put_line(struct buf *out, struct slice text)
{
	const char *end = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);

	if (end != NULL)
		text.len = (size_t)(end - text.at);
	buf_slice(out, text);
}

static void read_json(struct slice reply, struct buf *code, struct buf *message)
{
	static const char *const fields[] = {"__type", "code", "message", "Message"};
	struct scan_value v[4];
	struct scan *scan;
	struct err ignored;

	if (scan_new(fields, 4, &scan, &ignored) != 0)
		return;
	if (scan_line(scan, reply, v, &ignored) == 0) {
		if (code->len == 0 && v[0].kind == SCAN_STRING)
			put_code(code, v[0].text);
		if (code->len == 0 && v[1].kind == SCAN_STRING)
			put_code(code, v[1].text);
		for (size_t i = 2; i < 4 && message->len == 0; i++)
			if (v[i].kind == SCAN_STRING)
				put_line(message, v[i].text);
	}
	scan_free(scan);
}

/* S3 has <Error> as its root, the query protocol one element around it, or two. */
static void read_xml(struct slice reply, struct buf *code, struct buf *message)
{
	static const char *const places[] = {"Error/", "*/Error/", "*/*/Error/"};
	struct buf path = {0}, text = {0};

	for (size_t i = 0; i < sizeof places / sizeof places[0] && code->len == 0; i++) {
		buf_clear(&path);
		buf_clear(&text);
		buf_printf(&path, "%sCode", places[i]);
		if (xmltext_find(reply, buf_text(&path), &text) <= 0)
			continue;
		put_code(code, buf_view(&text));
		buf_clear(&path);
		buf_clear(&text);
		buf_printf(&path, "%sMessage", places[i]);
		xmltext_find(reply, buf_text(&path), &text);
		put_line(message, buf_view(&text));
	}
	buf_free(&path);
	buf_free(&text);
}

int awserror_read(struct slice reply, struct slice type, int status, struct buf *code,
		  struct buf *message)
{
	put_code(code, type);
	if (reply.len > 0 && reply.at[0] == '<')
		read_xml(reply, code, message);
	else if (reply.len > 0)
		read_json(reply, code, message);
	if (code->len == 0)
		buf_printf(code, "%d", status);
	buf_byte(code, '\0');
	buf_byte(message, '\0');
	return code->failed || message->failed ? -1 : 0;
}

/* botocore, data/_retry.json and retries/standard.py; awslabs/aws-c-auth for the rest. */
static const struct {
	const char *code;
	enum awserror_kind kind;
} known[] = {
	{"Throttling", AWSERROR_THROTTLED},
	{"ThrottlingException", AWSERROR_THROTTLED},
	{"ThrottledException", AWSERROR_THROTTLED},
	{"RequestThrottled", AWSERROR_THROTTLED},
	{"RequestThrottledException", AWSERROR_THROTTLED},
	{"TooManyRequestsException", AWSERROR_THROTTLED},
	{"ProvisionedThroughputExceededException", AWSERROR_THROTTLED},
	{"TransactionInProgressException", AWSERROR_THROTTLED},
	{"RequestLimitExceeded", AWSERROR_THROTTLED},
	{"BandwidthLimitExceeded", AWSERROR_THROTTLED},
	{"LimitExceededException", AWSERROR_THROTTLED},
	{"PriorRequestNotComplete", AWSERROR_THROTTLED},
	{"SlowDown", AWSERROR_THROTTLED},
	{"EC2ThrottledException", AWSERROR_THROTTLED},
	{"KMSThrottlingException", AWSERROR_THROTTLED},
	{"RequestTimeout", AWSERROR_TRANSIENT},
	{"RequestTimeoutException", AWSERROR_TRANSIENT},
	{"InternalError", AWSERROR_TRANSIENT},
	{"InternalFailure", AWSERROR_TRANSIENT},
	{"InternalServerError", AWSERROR_TRANSIENT},
	{"ServiceUnavailable", AWSERROR_TRANSIENT},
	{"ConditionalRequestConflict", AWSERROR_TRANSIENT},
	{"OperationAborted", AWSERROR_TRANSIENT},
	{"NotImplemented", AWSERROR_OTHER},
	{"RequestTimeTooSkewed", AWSERROR_CLOCK},
	{"RequestExpired", AWSERROR_CLOCK},
	{"RequestInTheFuture", AWSERROR_CLOCK},
	{"InvalidSignatureException", AWSERROR_CLOCK},
	{"SignatureDoesNotMatch", AWSERROR_CLOCK},
	{"AuthFailure", AWSERROR_CLOCK},
	{"ExpiredToken", AWSERROR_EXPIRED},
	{"ExpiredTokenException", AWSERROR_EXPIRED},
	{"AccessDenied", AWSERROR_DENIED},
	{"AccessDeniedException", AWSERROR_DENIED},
	{"UnauthorizedOperation", AWSERROR_DENIED},
	{"UnrecognizedClientException", AWSERROR_DENIED},
	{"InvalidClientTokenId", AWSERROR_DENIED},
	{"InvalidAccessKeyId", AWSERROR_DENIED},
	{"InvalidToken", AWSERROR_DENIED},
	{"MissingAuthenticationToken", AWSERROR_DENIED},
	{"MissingAuthenticationTokenException", AWSERROR_DENIED},
	{"IncompleteSignature", AWSERROR_DENIED},
	{"OptInRequired", AWSERROR_DENIED},
	{"ResourceNotFoundException", AWSERROR_MISSING},
	{"NoSuchBucket", AWSERROR_MISSING},
	{"NoSuchKey", AWSERROR_MISSING},
	{"NoSuchUpload", AWSERROR_MISSING},
};

enum awserror_kind awserror_kind(const char *code, int status)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i].code, code) == 0)
			return known[i].kind;
	switch (status) {
	case 429:
		return AWSERROR_THROTTLED;
	case 401:
	case 403:
		return AWSERROR_DENIED;
	case 404:
		return AWSERROR_MISSING;
	default:
		return status >= 500 ? AWSERROR_TRANSIENT : AWSERROR_OTHER;
	}
}

enum err_status awserror_status(enum awserror_kind kind)
{
	switch (kind) {
	case AWSERROR_THROTTLED:
	case AWSERROR_TRANSIENT:
		return ERR_TEMP;
	case AWSERROR_CLOCK:
	case AWSERROR_EXPIRED:
	case AWSERROR_DENIED:
		return ERR_DENIED;
	default:
		return ERR_CONFIG;
	}
}
