#include "l1-value/timestamp.h"

#include <endian.h>
#include <time.h>

#define DAY_SECONDS 86400
#define YEAR_LEAST (-4713) /* 4714 BC, as year 0 is 1 BC */
#define YEAR_MOST 294276

static int64_t floor_divide(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. Years are counted
 * from March, so that the leap day is the last one, in eras of 400 years that are all alike.
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static inline int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	/* From twelve eras before year 0 on all is positive; years have six digits at most. */
	unsigned y = (unsigned)(year + 4800 - (month <= 2));
	unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + day_of_year) - 719468 - 12 * 146097;
}

static int64_t civil_of(int64_t days, unsigned *month, unsigned *day)
{
	int64_t era = floor_divide(days + 719468, 146097);
	unsigned day_of_era = (unsigned)(days + 719468 - era * 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned m = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	return era * 400 + year_of_era + (*month <= 2);
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* ---- Parsing ---- */

/* Text not read yet. */
struct rest {
	const char *p, *end;
};

static struct rest rest_of(struct slice text)
{
	/* There is no arithmetic with NULL in C, not even + 0. */
	if (text.len == 0)
		text.at = "";
	return (struct rest){text.at, text.at + text.len};
}

static int next_is(struct rest *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return 0;
	r->p++;
	return 1;
}

static inline unsigned digit(char c)
{
	return (unsigned char)(c - '0');
}

/* Two digits; -1 when they are not there. */
static int next_two(struct rest *r)
{
	if (r->end - r->p < 2 || digit(r->p[0]) > 9 || digit(r->p[1]) > 9)
		return -1;
	r->p += 2;
	return (int)(10 * digit(r->p[-2]) + digit(r->p[-1]));
}

enum { PLAIN = 19 }; /* the length of "2010-12-01T08:26:00" */

struct fields {
	int64_t year;
	unsigned month, day, hour, minute, second;
	int32_t nanos;
	int has_offset, offset;
};

static int next_date(struct rest *r, struct fields *f)
{
	const char *first = r->p;
	int month, day;

	f->year = 0;
	for (; r->p < r->end && digit(*r->p) <= 9 && r->p - first < 7; r->p++)
		f->year = 10 * f->year + digit(*r->p);
	if (r->p - first < 4 || (r->p - first > 4 && *first == '0'))
		return -1;
	if (!next_is(r, '-') || (month = next_two(r)) < 0)
		return -1;
	if (!next_is(r, '-') || (day = next_two(r)) < 0)
		return -1;
	f->month = (unsigned)month;
	f->day = (unsigned)day;
	return 0;
}

/* Behind the seconds; none is fine too. */
static int next_fraction(struct rest *r, struct fields *f)
{
	int32_t unit = 100000000;
	const char *first;

	if (!next_is(r, '.'))
		return 0;
	for (first = r->p; r->p < r->end && digit(*r->p) <= 9; r->p++, unit /= 10) {
		if (unit == 0)
			return -1;
		f->nanos += unit * (int32_t)digit(*r->p);
	}
	return r->p == first ? -1 : 0;
}

static int next_time(struct rest *r, struct fields *f)
{
	int hour, minute, second = 0;

	if ((hour = next_two(r)) < 0 || !next_is(r, ':') || (minute = next_two(r)) < 0)
		return -1;
	if (next_is(r, ':')) {
		if ((second = next_two(r)) < 0)
			return -1;
		if (next_fraction(r, f) != 0)
			return -1;
	}
	f->hour = (unsigned)hour;
	f->minute = (unsigned)minute;
	f->second = (unsigned)second;
	return 0;
}

static int next_offset(struct rest *r, struct fields *f)
{
	int sign = 1, hours, minutes = 0, seconds = 0;

	if (next_is(r, 'Z') || next_is(r, 'z')) {
		f->has_offset = 1;
		return 0;
	}
	if (next_is(r, '-'))
		sign = -1;
	else if (!next_is(r, '+'))
		return 0;
	if ((hours = next_two(r)) < 0)
		return -1;
	if (next_is(r, ':')) {
		if ((minutes = next_two(r)) < 0)
			return -1;
		if (next_is(r, ':') && (seconds = next_two(r)) < 0)
			return -1;
	}
	if (hours > 23 || minutes > 59 || seconds > 59)
		return -1;
	f->has_offset = 1;
	f->offset = sign * (hours * 3600 + minutes * 60 + seconds);
	return 0;
}

static inline uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

#define FORM(a, b, c, d, e, f, g, h)                                                      \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | \
	 (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* Eight characters at once. `form` has a '0' for each digit and the other characters as they must
 * be; `more` has 0x76 for each digit and 0x7f for the others: what has to be added to the greatest
 * byte that is right (9, or 0 for no difference) to stay below 0x80. Returns the digits' values,
 * the others 0; *bad gets bits when a character is wrong. */
static inline uint64_t eight(uint64_t word, uint64_t form, uint64_t more, uint64_t *bad)
{
	uint64_t x = word ^ form;

	*bad |= (x | (x + more)) & 0x8080808080808080u;
	return x;
}

/* In each byte: ten times that digit plus the next one. */
static inline uint64_t in_pairs(uint64_t digits)
{
	return digits * 10 + (digits >> 8);
}

static inline unsigned byte_of(uint64_t word, int i)
{
	return (unsigned)(word >> (8 * i)) & 0xff;
}

/* "2010-12-01T08:26:00" or with a space: what nearly every record has, perhaps with more behind it.
 * Returns 0 when there is such a day and time, or -1: to be looked at more closely. */
static inline int plain_fields(const char *p, struct fields *f)
{
	uint64_t bad = 0, date, middle, time;

	/* le64toh: the first character is in the lowest byte. The one between date and time is left
	 * out of the eight it belongs to. */
	date = in_pairs(eight(le64toh(load8(p)), FORM('0', '0', '0', '0', '-', '0', '0', '-'),
			      FORM(0x76, 0x76, 0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f), &bad));
	middle = in_pairs(eight(le64toh(load8(p + 8)) & ~FORM(0, 0, 0xff, 0, 0, 0, 0, 0),
				FORM('0', '0', 0, '0', '0', ':', '0', '0'),
				FORM(0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76), &bad));
	time = in_pairs(eight(le64toh(load8(p + 11)), FORM('0', '0', ':', '0', '0', ':', '0', '0'),
			      FORM(0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76), &bad));
	if (bad != 0 || (p[10] != 'T' && p[10] != ' '))
		return -1;
	f->year = byte_of(date, 0) * 100 + byte_of(date, 2);
	f->month = byte_of(date, 5);
	f->day = byte_of(middle, 0);
	f->hour = byte_of(time, 0);
	f->minute = byte_of(time, 3);
	f->second = byte_of(time, 6);
	/* Of numbers from 1 on, 0 wraps to a large one. Day 29 and later depend on the month. */
	if ((f->year == 0) | (f->month - 1 > 11) | (f->day - 1 > 30) | (f->hour > 23) |
	    (f->minute > 59) | (f->second > 59))
		return -1;
	return f->day > 28 && f->day > days_in_month(f->year, f->month) ? -1 : 0;
}

static int year_out_of_range(struct err *err)
{
	return err_set(err, ERR_DATA, "year out of range");
}

static int next_fields(struct rest *r, struct fields *f)
{
	if (r->end - r->p >= PLAIN && plain_fields(r->p, f) == 0) {
		r->p += PLAIN;
		return next_fraction(r, f) != 0 || next_offset(r, f) != 0 ? -1 : 0;
	}
	if (next_date(r, f) != 0)
		return -1;
	if (next_is(r, 'T') || next_is(r, 't') ||
	    (r->end - r->p >= 2 && digit(r->p[1]) <= 9 && next_is(r, ' ')))
		return next_time(r, f) != 0 || next_offset(r, f) != 0 ? -1 : 0;
	return 0;
}

static int64_t seconds_of(const struct fields *f)
{
	return days_of(f->year, f->month, f->day) * DAY_SECONDS + f->hour * 3600 + f->minute * 60 +
	       f->second;
}

static int parse_any(struct zone *z, struct slice text, struct timestamp *t, struct err *err)
{
	struct rest r = rest_of(text);
	struct fields f = {0};

	if (next_fields(&r, &f) != 0)
		return err_set(err, ERR_DATA, "not a timestamp");
	if (f.year == 0)
		return err_set(err, ERR_DATA, "there is no year 0");
	if (r.end - r.p == 3 && memcmp(r.p, " BC", 3) == 0) {
		f.year = 1 - f.year;
		r.p = r.end;
	}
	if (r.p != r.end)
		return err_set(err, ERR_DATA, "not a timestamp");
	/* The bounds hold in UTC: PostgreSQL prints its last hours as year 294277 in the east. */
	if (f.year < YEAR_LEAST || f.year > YEAR_MOST + 1)
		return year_out_of_range(err);
	if (f.month < 1 || f.month > 12 || f.day < 1 || f.day > days_in_month(f.year, f.month))
		return err_set(err, ERR_DATA, "no such day");
	if (f.hour > 23 || f.minute > 59 || f.second > 60)
		return err_set(err, ERR_DATA, "no such time of day");

	int64_t seconds = seconds_of(&f);
	int64_t utc = f.has_offset ? seconds - f.offset : zone_utc(z, seconds);

	if (utc < days_of(YEAR_LEAST, 1, 1) * DAY_SECONDS ||
	    utc >= days_of(YEAR_MOST + 1, 1, 1) * DAY_SECONDS)
		return year_out_of_range(err);
	t->utc = utc;
	t->local = f.has_offset ? utc + zone_offset(z, utc) : seconds;
	t->nanos = f.nanos;
	return 0;
}

int timestamp_parse(struct zone *z, struct slice text, struct timestamp *t, struct err *err)
{
	struct fields f;

	if (text.len != PLAIN || plain_fields(text.at, &f) != 0)
		return parse_any(z, text, t, err);
	t->local = seconds_of(&f);
	t->utc = zone_utc(z, t->local);
	t->nanos = 0;
	return 0;
}

/* ---- Printing ---- */

static char *put_two(char *to, unsigned n)
{
	*to++ = (char)('0' + n / 10);
	*to++ = (char)('0' + n % 10);
	return to;
}

/* The date, at least four digits of the year; *bc says that " BC" has to follow, at the very end.
 */
static char *put_date(char *to, int64_t days, int *bc)
{
	unsigned month, day;
	int64_t year = civil_of(days, &month, &day);
	char digits[20], *p = digits + sizeof digits;

	*bc = year <= 0;
	if (*bc)
		year = 1 - year;
	if (year < 10000) {
		to = put_two(put_two(to, (unsigned)year / 100), (unsigned)year % 100);
	} else {
		for (; year > 0; year /= 10)
			*--p = (char)('0' + year % 10);
		memcpy(to, p, (size_t)(digits + sizeof digits - p));
		to += digits + sizeof digits - p;
	}
	*to++ = '-';
	to = put_two(to, month);
	*to++ = '-';
	return put_two(to, day);
}

static char *put_time(char *to, unsigned second_of_day)
{
	to = put_two(to, second_of_day / 3600);
	*to++ = ':';
	to = put_two(to, second_of_day / 60 % 60);
	*to++ = ':';
	return put_two(to, second_of_day % 60);
}

static char *put_fraction(char *to, int32_t nanos, int digits)
{
	*to++ = '.';
	for (int32_t unit = 100000000; digits > 0; digits--, unit /= 10)
		*to++ = (char)('0' + nanos / unit % 10);
	return to;
}

static char *put_offset(char *to, int64_t offset)
{
	unsigned n = (unsigned)(offset < 0 ? -offset : offset);

	*to++ = offset < 0 ? '-' : '+';
	to = put_two(to, n / 3600);
	*to++ = ':';
	to = put_two(to, n / 60 % 60);
	if (n % 60 != 0) {
		*to++ = ':';
		to = put_two(to, n % 60);
	}
	return to;
}

static char *put_bc(char *to, int bc)
{
	if (bc)
		memcpy(to, " BC", 3);
	return bc ? to + 3 : to;
}

/* More than any of the texts is long, whatever the 64-bit numbers. */
#define TEXT_MOST 80

int timestamp_put_local(struct zone *z, struct buf *out, const struct timestamp *t)
{
	int64_t days = date_of(t->local);
	int digits = 9, bc;
	char *to = buf_room(out, TEXT_MOST);

	if (to == NULL)
		return -1;
	to = put_date(to, days, &bc);
	*to++ = 'T';
	to = put_time(to, (unsigned)(t->local - days * DAY_SECONDS));
	if (t->nanos != 0) {
		for (int32_t n = t->nanos; n % 10 == 0; n /= 10)
			digits--;
		to = put_fraction(to, t->nanos, digits);
	}
	if (zone_utc(z, t->local) != t->utc)
		to = put_offset(to, t->local - t->utc);
	to = put_bc(to, bc);
	out->len = (size_t)(to - out->at);
	return 0;
}

int timestamp_put_utc(struct buf *out, int64_t utc, int32_t nanos)
{
	int64_t days = date_of(utc);
	int bc;
	char *to = buf_room(out, TEXT_MOST);

	if (to == NULL)
		return -1;
	to = put_date(to, days, &bc);
	*to++ = 'T';
	to = put_time(to, (unsigned)(utc - days * DAY_SECONDS));
	to = put_fraction(to, nanos, 3);
	*to++ = 'Z';
	to = put_bc(to, bc);
	out->len = (size_t)(to - out->at);
	return 0;
}

void timestamp_now(int64_t *utc, int32_t *nanos)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*utc = now.tv_sec;
	*nanos = (int32_t)now.tv_nsec;
}

/* ---- Dates ---- */

int64_t date_of(int64_t local_seconds)
{
	return floor_divide(local_seconds, DAY_SECONDS);
}

int date_parse(struct slice text, int64_t *day, struct err *err)
{
	struct rest r = rest_of(text);
	struct fields f;

	if (text.len != 10 || next_date(&r, &f) != 0 || r.p != r.end)
		return err_set(err, ERR_DATA, "not a date (YYYY-MM-DD)");
	if (f.year == 0 || f.month < 1 || f.month > 12 || f.day < 1 ||
	    f.day > days_in_month(f.year, f.month))
		return err_set(err, ERR_DATA, "no such day");
	*day = days_of(f.year, f.month, f.day);
	return 0;
}

int date_put(struct buf *out, int64_t day)
{
	char *to = buf_room(out, TEXT_MOST);
	int bc;

	if (to == NULL)
		return -1;
	to = put_date(to, day, &bc);
	to = put_bc(to, bc);
	out->len = (size_t)(to - out->at);
	return 0;
}
