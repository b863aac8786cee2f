#include "l1-value/httpdate.h"

#include <stdio.h>
#include <time.h>

int httpdate_parse(struct slice text, int64_t *at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char copy[32], month[4];
	const char *found;
	struct tm tm = {0};
	int end = 0;

	if (text.len != sizeof "Sun, 06 Nov 1994 08:49:37 GMT" - 1)
		return -1;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	if (sscanf(copy, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 ||
	    (size_t)end != text.len)
		return -1;
	found = strstr(months, month);
	if (found == NULL || strlen(month) != 3 || (found - months) % 3 != 0)
		return -1;
	if (tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 1970 || tm.tm_hour < 0 ||
	    tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -1;
	tm.tm_mon = (int)(found - months) / 3;
	tm.tm_year -= 1900;
	*at = timegm(&tm);
	return 0;
}
