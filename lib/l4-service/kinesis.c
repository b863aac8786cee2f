#include "l4-service/kinesis.h"

#include <inttypes.h>
#include <time.h>

#include "l1-value/text.h"
#include "l2-line/json.h"
#include "l3-stream/kinpos.h"

/* Seconds until a new stream must be there. */
#define CREATE_MAX 120

int kinesis_name_ok(const char *stream)
{
	size_t n = strlen(stream);

	return n >= 1 && n <= 128 &&
	       strspn(stream,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == n;
}

void kinesis_ask(struct aws_call *c, const char *target, struct slice body)
{
	c->request.target = target;
	c->request.type = "application/x-amz-json-1.1";
	c->request.body = body;
}

static int is_active(struct aws *a, struct aws_call *c, struct buf *body, const char *stream,
		     struct err *err)
{
	struct json *reply;
	const char *status;
	int active;

	buf_clear(body);
	buf_printf(body, "{\"StreamName\":\"%s\"}", stream);
	kinesis_ask(c, KINESIS_TARGET("DescribeStreamSummary"), buf_view(body));
	if (aws_run(a, c, err) != 0)
		return -1;
	reply = json_parse(buf_view(&c->http.reply), err);
	if (reply == NULL)
		return -1;
	status = json_string(json_get(json_get(reply, "StreamDescriptionSummary"), "StreamStatus"));
	active = status != NULL &&
		 (strcmp(status, "ACTIVE") == 0 || strcmp(status, "UPDATING") == 0);
	json_free(reply);
	return active;
}

int kinesis_create(struct aws *a, const char *stream, int64_t shards,
		   const volatile sig_atomic_t *stop, struct err *err)
{
	static const struct timespec pause = {0, 200000000};
	struct aws_call c = {0};
	struct buf body = {0};
	int result;

	buf_printf(&body, "{\"StreamName\":\"%s\",\"ShardCount\":%" PRId64 "}", stream, shards);
	kinesis_ask(&c, KINESIS_TARGET("CreateStream"), buf_view(&body));
	result = aws_run(a, &c, err);
	if (result != 0 && aws_is(&c, "ResourceInUseException"))
		result = 0; /* it is there, or is just being made */
	for (int i = 0; result == 0 && i < CREATE_MAX * 5; i++) {
		int active = is_active(a, &c, &body, stream, err);

		if (active != 0) {
			result = active < 0 ? -1 : 1;
			break;
		}
		nanosleep(&pause, NULL);
		if (stop != NULL && *stop)
			break;
	}
	if (result == 0)
		result = err_set(err, ERR_TEMP, "%s: not there yet", stream);
	aws_call_free(&c);
	buf_free(&body);
	return result < 0 ? -1 : 0;
}

/* One page. Returns 1 when there are more, which body then asks for; 0; or -1. */
static int list_page(struct aws *a, struct aws_call *c, struct buf *body,
		     int (*take)(void *context, const struct json *shard, struct err *err),
		     void *context, struct err *err)
{
	struct json *reply;
	const struct json *list;
	const char *next;
	int result = 0;

	kinesis_ask(c, KINESIS_TARGET("ListShards"), buf_view(body));
	if (aws_run(a, c, err) != 0)
		return -1;
	reply = json_parse(buf_view(&c->http.reply), err);
	if (reply == NULL)
		return -1;
	list = json_get(reply, "Shards");
	for (size_t i = 0; i < json_count(list) && result == 0; i++)
		result = take(context, json_item(list, i), err);
	next = json_string(json_get(reply, "NextToken"));
	if (result == 0 && next != NULL) {
		buf_clear(body);
		buf_puts(body, "{\"NextToken\":");
		json_put_string(body, slice_of(next));
		result = buf_byte(body, '}') != 0 || body->failed ? err_memory(err) : 1;
	}
	json_free(reply);
	return result;
}

int kinesis_list_shards(struct aws *a, const char *stream,
			int (*take)(void *context, const struct json *shard, struct err *err),
			void *context, struct err *err)
{
	struct aws_call c = {0};
	struct buf body = {0};
	int more;

	buf_printf(&body, "{\"StreamName\":\"%s\"}", stream);
	do
		more = body.failed ? err_memory(err) : list_page(a, &c, &body, take, context, err);
	while (more > 0);
	aws_call_free(&c);
	buf_free(&body);
	return more;
}

void kinesis_put_iterator(struct buf *out, const char *stream, const struct kinshard *s, int latest)
{
	const char *text = s->place.text;
	int n = (int)strlen(text);

	buf_printf(out, "{\"StreamName\":\"%s\",\"ShardId\":", stream);
	json_put_string(out, slice_of(s->id));
	if (latest)
		buf_puts(out, ",\"ShardIteratorType\":\"LATEST\"}");
	else if (s->place.kind == KINPLACE_TIME) /* milliseconds; asked for in seconds */
		buf_printf(out, ",\"ShardIteratorType\":\"AT_TIMESTAMP\",\"Timestamp\":%.*s.%s}",
			   n > 3 ? n - 3 : 1, n > 3 ? text : "0", n > 3 ? text + n - 3 : "000");
	else if (s->place.kind == KINPLACE_AFTER)
		buf_printf(out,
			   ",\"ShardIteratorType\":\"AFTER_SEQUENCE_NUMBER\","
			   "\"StartingSequenceNumber\":\"%s\"}",
			   text);
	else
		buf_puts(out, ",\"ShardIteratorType\":\"TRIM_HORIZON\"}");
}
