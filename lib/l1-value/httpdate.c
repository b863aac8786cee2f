#include "l1-value/httpdate.h"

#include <time.h>

/* Compare with a pattern, in which 0 stands for any digit and A for any letter. */
static int has_form(struct slice text, const char *form)
{
	if (text.len != strlen(form))
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i], lower = (char)(c | 0x20);

		if (form[i] == '0'   ? c < '0' || c > '9'
		    : form[i] == 'A' ? lower < 'a' || lower > 'z'
				     : c != form[i])
			return 0;
	}
	return 1;
}

static int number(const char *at, int digits)
{
	int n = 0;

	while (digits-- > 0)
		n = n * 10 + *at++ - '0';
	return n;
}

int httpdate_parse(struct slice text, int64_t *at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0}, read;
	const char *s = text.at;

	if (!has_form(text, "AAA, 00 AAA 0000 00:00:00 GMT"))
		return -1;
	while (tm.tm_mon < 12 && memcmp(months + 3 * (size_t)tm.tm_mon, s + 8, 3) != 0)
		tm.tm_mon++;
	tm.tm_mday = number(s + 5, 2);
	tm.tm_year = number(s + 12, 4) - 1900;
	tm.tm_hour = number(s + 17, 2);
	tm.tm_min = number(s + 20, 2);
	tm.tm_sec = number(s + 23, 2);
	if (tm.tm_mon == 12 || tm.tm_year < 70 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return -1;
	read = tm;
	read.tm_hour = 0; /* so that a leap second does not make another day of it */
	timegm(&read);
	if (read.tm_mday != tm.tm_mday)
		return -1; /* which its month does not have */
	*at = timegm(&tm);
	return 0;
}
