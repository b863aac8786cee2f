#include "l2-line/minute.h"

void minute_learn(struct minute *m, struct zone *z, struct slice text, const struct timestamp *t)
{
	int second;

	/* The rest of the text, which is no offset then, has been found to be two digits. */
	if (text.len != MINUTE_LENGTH + 2 || text.at[MINUTE_LENGTH - 1] != ':' || t->nanos != 0)
		return;
	second = 10 * (text.at[MINUTE_LENGTH] - '0') + (text.at[MINUTE_LENGTH + 1] - '0');
	memcpy(m->text, text.at, MINUTE_LENGTH);
	m->utc = t->utc - second;
	m->local = t->local - second;
	/* Clocks change between two minutes, but for changes of long ago. */
	m->known = second < 60 && zone_utc(z, m->local) == m->utc &&
		   zone_utc(z, m->local + 59) == m->utc + 59;
}
