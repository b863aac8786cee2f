#include "l4-service/cloudwatch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "l1-value/percent.h"
#include "l1-value/timestamp.h"
#include "l2-line/json.h"
#include "l3-stream/aws.h"
#include "l3-stream/awspack.h"
#include "l3-stream/series.h"

/* Limits of one request: 1,000 metrics, 1 MB. The reference does not say of which form of the body;
 * counted before it is compressed, either is within. */
#define BATCH_METRICS 1000
#define BATCH_BYTES 1000000
/* What the service takes of the past and of the future, with a little room for its clock. */
#define PAST_MAX ((int64_t)14 * 86400 - 60)
#define FUTURE_MAX ((int64_t)2 * 3600 - 60)
/* After a call has failed, all its attempts together, for now. */
#define PAUSE_SECONDS 15
#define KEYS_MAX 100000

struct cloudwatch {
	const struct point_shape *shape;
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2)));
	struct aws *aws;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Behind the lock. */
	struct series *waiting;
	uint64_t waiting_count;
	int closing;
	struct err failure; /* for good */
	struct cloudwatch_counts counts;
	/* The thread's own: what is being sent. */
	struct series *batch;
	struct aws_call call;
	struct awspack *pack;
	struct buf body;
	uint64_t batch_count, request_count; /* points in the batch; of them, in the request */
	size_t metrics;                      /* in the request */
	volatile sig_atomic_t stop;          /* nothing is to be tried again */
};

/* ---- requests ---- */

static void put_value(struct buf *out, const char *name, struct slice value)
{
	buf_byte(out, '&');
	buf_puts(out, name);
	buf_byte(out, '=');
	percent_put(out, value, "");
}

static void put_begin(struct buf *out, const char *action)
{
	buf_clear(out);
	buf_printf(out, "Action=%s&Version=2010-08-01", action);
}

/* "&MetricData.member.7.Name=value" */
__attribute__((format(printf, 4, 5))) static void
put_member(struct buf *out, size_t n, struct slice value, const char *format, ...)
{
	char rest[64], name[128];
	va_list args;

	va_start(args, format);
	vsnprintf(rest, sizeof rest, format, args);
	va_end(args);
	snprintf(name, sizeof name, "MetricData.member.%zu.%s", n, rest);
	put_value(out, name, value);
}

static void put_decimal(struct buf *out, size_t n, const char *name, const struct decimal *d)
{
	char text[DECIMAL_TEXT_MAX];
	struct slice value = {text, decimal_print(d, text)};

	put_member(out, n, value, "%s", name);
}

static void put_dimensions(struct cloudwatch *c, size_t n, const struct point *p)
{
	struct buf value = {0};
	struct slice key = p->key;

	for (size_t i = 0; i < c->shape->dimension_count; i++) {
		put_member(&c->body, n, slice_of(c->shape->dimensions[i]),
			   "Dimensions.member.%zu.Name", i + 1);
		buf_clear(&value);
		point_put_dimension(&value, point_next_value(&key));
		put_member(&c->body, n, buf_view(&value), "Dimensions.member.%zu.Value", i + 1);
	}
	c->body.failed |= value.failed;
	buf_free(&value);
}

/* A sum goes as a statistic set of what it was made of, a greatest amount as one value. Amounts go
 * as their own text; the service makes doubles of them. */
static void put_point(struct cloudwatch *c, const struct point *p)
{
	char parts[24];
	struct buf when = {0};

	timestamp_put_utc(&when, p->minute, 0);
	for (size_t i = 0; i < c->shape->count; i++) {
		const struct point_value *v = &p->values[i];
		size_t n = c->metrics + 1;

		if (!v->known)
			continue;
		c->metrics++;
		put_member(&c->body, n, slice_of(c->shape->names[i]), "MetricName");
		put_member(&c->body, n, buf_view(&when), "Timestamp");
		put_dimensions(c, n, p);
		if (c->shape->greatest[i]) {
			put_decimal(&c->body, n, "Value", &v->amount);
			continue;
		}
		snprintf(parts, sizeof parts, "%llu", (unsigned long long)v->parts);
		put_member(&c->body, n, slice_of(parts), "StatisticValues.SampleCount");
		put_decimal(&c->body, n, "StatisticValues.Sum", &v->amount);
		put_decimal(&c->body, n, "StatisticValues.Minimum", &v->least);
		put_decimal(&c->body, n, "StatisticValues.Maximum", &v->most);
	}
	c->body.failed |= when.failed;
	buf_free(&when);
}

static void set_request(struct aws_call *call, struct slice body, const char *what)
{
	call->request.type = "application/x-www-form-urlencoded; charset=utf-8";
	call->request.body = body;
	call->what = what;
}

/* ---- the thread ---- */

/* Room for the metrics of one more point. */
static int has_room(const struct cloudwatch *c)
{
	size_t one = 1024 + c->shape->count * (size_t)2048 * (c->shape->dimension_count + 1);

	return c->metrics + c->shape->count <= BATCH_METRICS &&
	       (c->metrics == 0 || c->body.len + one <= BATCH_BYTES);
}

/* Move whole minutes from what waits to the batch. With the lock. Returns 0, or -1. */
static int gather(struct cloudwatch *c, struct err *err)
{
	struct point p;

	while (c->waiting_count > 0 && series_points(c->batch) * c->shape->count < BATCH_METRICS) {
		int64_t minute = series_earliest(c->waiting);

		while (series_take(c->waiting, minute, &p)) {
			c->waiting_count--;
			c->batch_count++;
			if (series_add(c->batch, p.minute, p.key, p.values, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* A request of as much of the batch as goes into one. Returns 0, or -1 out of memory. */
static int fill(struct cloudwatch *c, struct err *err)
{
	struct point p;

	put_begin(&c->body, "PutMetricData");
	put_value(&c->body, "Namespace", slice_of(c->shape->namespace));
	c->metrics = 0;
	c->request_count = 0;
	while (has_room(c) && series_next(c->batch, &p)) {
		put_point(c, &p);
		c->request_count++;
	}
	return c->body.failed ? err_memory(err) : 0;
}

/* Put what could not be sent back to what waits; it may have grown meanwhile. With the lock. */
static void put_back(struct cloudwatch *c)
{
	struct point p;
	struct err ignored;

	series_rewind(c->batch);
	while (series_next(c->batch, &p)) {
		uint64_t before = series_points(c->waiting);

		if (series_full(c->waiting) ||
		    series_add(c->waiting, p.minute, p.key, p.values, &ignored) < 0)
			c->counts.lost++;
		else if (series_points(c->waiting) == before)
			c->counts.merged++;
		else
			c->waiting_count++;
	}
	series_commit(c->batch);
	c->batch_count = 0;
}

/* What has become of the request. With the lock. Returns 1 when it is worth a pause. */
static int settle(struct cloudwatch *c, const struct err *err)
{
	int refused = err->status == ERR_CONFIG && c->call.status >= 400 && c->call.status < 500 &&
		      c->call.kind == AWSERROR_OTHER;

	c->counts.requests++;
	if (err->status == ERR_NONE || refused) {
		*(refused ? &c->counts.refused : &c->counts.sent) += c->request_count;
		c->batch_count -= c->request_count;
		series_commit(c->batch);
		return 0;
	}
	put_back(c);
	if (err->status == ERR_DENIED || err->status == ERR_CONFIG)
		c->failure = *err;
	return 1;
}

/* Until there is more, or no more. With the lock. */
static void rest(struct cloudwatch *c)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PAUSE_SECONDS;
	while (!c->closing && pthread_cond_timedwait(&c->changed, &c->lock, &until) == 0)
		;
}

static void *run_thread(void *context)
{
	struct cloudwatch *c = context;
	struct err err;
	int failed, patience = 1;

	pthread_mutex_lock(&c->lock);
	while (c->failure.status == ERR_NONE) {
		while (c->waiting_count + c->batch_count == 0 && !c->closing)
			pthread_cond_wait(&c->changed, &c->lock);
		if (c->waiting_count + c->batch_count == 0 || patience == 0)
			break;
		failed = c->batch_count == 0 && gather(c, &err) != 0;
		pthread_mutex_unlock(&c->lock);
		if (!failed)
			failed = fill(c, &err);
		if (!failed) {
			set_request(&c->call, buf_view(&c->body), "PutMetricData");
			failed = awspack_request(c->pack, &c->call.request, &err);
		}
		if (!failed) {
			failed = aws_run(c->aws, &c->call, &err);
			if (!failed)
				err = (struct err){0};
			else
				c->say("%s", err.message);
		}
		pthread_mutex_lock(&c->lock);
		if (settle(c, &err) && c->failure.status == ERR_NONE) {
			patience -= c->closing; /* at the end, one more try */
			rest(c);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- in and out ---- */

static void free_all(struct cloudwatch *c)
{
	series_free(c->waiting);
	series_free(c->batch);
	aws_call_free(&c->call);
	awspack_free(c->pack);
	aws_close(c->aws);
	buf_free(&c->body);
	free(c);
}

int cloudwatch_open(const struct cloudwatch_options *o, struct cloudwatch **out, struct err *err)
{
	struct cloudwatch *c = calloc(1, sizeof *c);
	struct aws_options a = {.service = "cloudwatch", .attempts = 6};
	pthread_condattr_t clock;
	int failed;

	if (c == NULL)
		return err_memory(err);
	c->shape = o->shape;
	c->say = o->say;
	c->waiting = series_new(o->shape, KEYS_MAX);
	c->batch = series_new(o->shape, KEYS_MAX);
	a.stop = &c->stop;
	if (c->waiting == NULL || c->batch == NULL || aws_open(&a, &c->aws, err) != 0 ||
	    awspack_new(aws_config(c->aws), &c->pack, err) != 0) {
		if (c->waiting == NULL || c->batch == NULL)
			err_memory(err);
		free_all(c);
		return -1;
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &clock);
	pthread_condattr_destroy(&clock);
	failed = pthread_create(&c->thread, NULL, run_thread, c);
	if (failed) {
		free_all(c);
		return err_sys(err, ERR_TEMP, failed, "cannot start a thread");
	}
	*out = c;
	return 0;
}

static int is_outdated(const struct point *p)
{
	int64_t now;
	int32_t nanos;

	timestamp_now(&now, &nanos);
	return p->minute < now - PAST_MAX || p->minute > now + FUTURE_MAX;
}

/* Room by the earliest minute: it is the first that the service would not take any more. */
static void make_room(struct cloudwatch *c)
{
	struct point p;
	int64_t first = series_earliest(c->waiting);

	while (series_take(c->waiting, first, &p)) {
		c->counts.lost++;
		c->waiting_count--;
	}
}

int cloudwatch_add(struct cloudwatch *c, const struct point *p, struct err *err)
{
	uint64_t before;
	int result = 0;

	pthread_mutex_lock(&c->lock);
	c->counts.points++;
	if (c->failure.status != ERR_NONE) {
		*err = c->failure;
		c->counts.lost++;
		result = -1;
	} else if (is_outdated(p)) {
		c->counts.outdated++;
	} else {
		if (series_full(c->waiting))
			make_room(c);
		before = series_points(c->waiting);
		result = series_add(c->waiting, p->minute, p->key, p->values, err) < 0 ? -1 : 0;
		if (result != 0)
			c->counts.lost++;
		else if (series_points(c->waiting) == before)
			c->counts.merged++;
		else
			c->waiting_count++;
	}
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return result;
}

int cloudwatch_close(struct cloudwatch *c, int64_t patience, struct cloudwatch_counts *counts,
		     struct err *err)
{
	struct timespec until;
	int result = 0;

	*counts = (struct cloudwatch_counts){0};
	if (c == NULL)
		return 0;
	pthread_mutex_lock(&c->lock);
	c->closing = 1;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += patience / 1000000;
	if (pthread_clockjoin_np(c->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		c->stop = 1;
		pthread_join(c->thread, NULL);
	}
	c->counts.lost += c->waiting_count;
	*counts = c->counts;
	if (c->failure.status != ERR_NONE) {
		*err = c->failure;
		result = -1;
	} else if (counts->lost > 0) {
		result = err_set(err, ERR_TEMP, "points that were not sent: %llu",
				 (unsigned long long)counts->lost);
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free_all(c);
	return result;
}

/* ---- alarms and a dashboard ---- */

static struct aws_call *control_call(struct aws **a, struct err *err)
{
	struct aws_options o = {.service = "cloudwatch"};
	struct aws_call *call = calloc(1, sizeof *call);

	if (call == NULL) {
		err_memory(err);
		return NULL;
	}
	if (aws_open(&o, a, err) != 0) {
		free(call);
		return NULL;
	}
	return call;
}

static void put_actions(struct buf *body, const char *list, const char *sns)
{
	char name[64];

	if (sns == NULL)
		return;
	snprintf(name, sizeof name, "%s.member.1", list);
	put_value(body, name, slice_of(sns));
}

/* A sum comes every minute, be it 0: when it does not, nobody watches, and that is no OK. A
 * greatest amount comes when there was a sale: no sale is a good minute. */
static void put_alarm(struct buf *body, const char *namespace, const struct cloudwatch_alarm *alarm)
{
	struct buf name = {0};

	put_begin(body, "PutMetricAlarm");
	buf_printf(&name, "%s-%s", namespace, alarm->metric);
	put_value(body, "AlarmName", buf_view(&name));
	buf_clear(&name);
	buf_printf(&name, "%s of a minute above %s. Made by cw-put --alarms.", alarm->metric,
		   alarm->threshold);
	put_value(body, "AlarmDescription", buf_view(&name));
	put_value(body, "Namespace", slice_of(namespace));
	put_value(body, "MetricName", slice_of(alarm->metric));
	put_value(body, "Statistic", slice_of(alarm->greatest ? "Maximum" : "Sum"));
	put_value(body, "Period", slice_of("60"));
	put_value(body, "EvaluationPeriods", slice_of("1"));
	put_value(body, "Threshold", slice_of(alarm->threshold));
	put_value(body, "ComparisonOperator", slice_of("GreaterThanThreshold"));
	put_value(body, "TreatMissingData", slice_of(alarm->greatest ? "notBreaching" : "missing"));
	put_actions(body, "AlarmActions", alarm->sns);
	put_actions(body, "OKActions", alarm->sns);
	if (!alarm->greatest)
		put_actions(body, "InsufficientDataActions", alarm->sns);
	body->failed |= name.failed;
	buf_free(&name);
}

static int send_one(struct aws *a, struct aws_call *call, struct buf *body, const char *what,
		    struct err *err)
{
	if (body->failed)
		return err_memory(err);
	set_request(call, buf_view(body), what);
	return aws_run(a, call, err);
}

int cloudwatch_put_alarms(const char *namespace, const struct cloudwatch_alarm *alarms,
			  size_t count, struct err *err)
{
	struct aws *a;
	struct aws_call *call = control_call(&a, err);
	struct buf body = {0};
	int result = 0;

	if (call == NULL)
		return -1;
	for (size_t i = 0; i < count && result == 0; i++) {
		put_alarm(&body, namespace, &alarms[i]);
		result = send_one(a, call, &body, "PutMetricAlarm", err);
	}
	buf_free(&body);
	aws_call_free(call);
	free(call);
	aws_close(a);
	return result;
}

static void put_widget(struct json *widgets, const char *namespace, const char *region,
		       const struct cloudwatch_alarm *alarm, size_t i)
{
	struct json *widget = json_put_object(widgets, NULL);
	struct json *properties, *list, *line;

	json_put_string_value(widget, "type", "metric");
	json_put_int64(widget, "x", 0);
	json_put_int64(widget, "y", (int64_t)(6 * i));
	json_put_int64(widget, "width", 24);
	json_put_int64(widget, "height", 6);
	properties = json_put_object(widget, "properties");
	json_put_string_value(properties, "title", alarm->metric);
	json_put_string_value(properties, "region", region);
	json_put_string_value(properties, "stat", alarm->greatest ? "Maximum" : "Sum");
	json_put_int64(properties, "period", 60);
	list = json_put_array(json_put_array(properties, "metrics"), NULL);
	json_put_string_value(list, NULL, namespace);
	json_put_string_value(list, NULL, alarm->metric);
	if (alarm->threshold == NULL)
		return;
	list = json_put_array(json_put_object(properties, "annotations"), "horizontal");
	line = json_put_object(list, NULL);
	json_put_string_value(line, "label", "alarm");
	json_put_number(line, "value", alarm->threshold);
}

/* The document, as text. Returns 0, or -1 out of memory. */
static int make_dashboard(struct buf *out, const char *namespace, const char *region,
			  const struct cloudwatch_alarm *alarms, size_t count)
{
	struct json *root = json_put_object(NULL, NULL);
	struct json *widgets = root == NULL ? NULL : json_put_array(root, "widgets");
	int failed = widgets == NULL;

	for (size_t i = 0; i < count && !failed; i++)
		put_widget(widgets, namespace, region, &alarms[i], i);
	failed = failed || json_print(out, root) != 0;
	json_free(root);
	return failed ? -1 : 0;
}

int cloudwatch_put_dashboard(const char *namespace, const struct cloudwatch_alarm *alarms,
			     size_t count, struct err *err)
{
	struct aws *a;
	struct aws_call *call = control_call(&a, err);
	struct buf body = {0}, document = {0};
	int result;

	if (call == NULL)
		return -1;
	put_begin(&body, "PutDashboard");
	put_value(&body, "DashboardName", slice_of(namespace));
	if (make_dashboard(&document, namespace, aws_region(a), alarms, count) != 0)
		body.failed = 1;
	put_value(&body, "DashboardBody", buf_view(&document));
	result = send_one(a, call, &body, "PutDashboard", err);
	buf_free(&body);
	buf_free(&document);
	aws_call_free(call);
	free(call);
	aws_close(a);
	return result;
}
