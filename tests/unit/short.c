#include "l0-base/short.h"

#include "check.h"
#include "edge.h"

/* Every length up to where memcpy(3) begins, each at the very end of its page: no byte outside. */
int main(void)
{
	enum { MOST = 40 };
	int copied = 1, equal = 1, different = 1, spilled = 1;

	for (size_t n = 0; n <= MOST; n++) {
		char text[MOST], to[MOST + 2];
		struct slice a;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)('a' + i);
		a = edge_end((struct slice){text, n});
		memset(to, '#', sizeof to);
		copied &= short_copy(to + 1, a.at, n) == to + 1 + n && to[0] == '#' &&
			  to[n + 1] == '#' && memcmp(to + 1, text, n) == 0;
		equal &= short_equal(a.at, to + 1, n);
		for (size_t i = 0; i < n; i++) {
			to[i + 1] ^= 1;
			different &= !short_equal(a.at, to + 1, n);
			to[i + 1] ^= 1;
		}
	}
	CHECK(copied, "copied, and nothing beside");
	CHECK(equal, "a copy is equal");
	for (size_t n = 0; n <= MOST; n++) {
		char text[MOST + SHORT_SPILL], to[MOST + SHORT_SPILL + 1] = "";

		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)('A' + i);
		to[n + SHORT_SPILL] = '#';
		spilled &= short_spill(to, edge_end((struct slice){text, n + SHORT_SPILL}).at, n) ==
				   to + n &&
			   memcmp(to, text, n) == 0 && to[n + SHORT_SPILL] == '#';
	}
	CHECK(spilled, "copied in steps, with no more behind than is said");
	CHECK(different, "one bit anywhere makes a difference");
	return check_done();
}
