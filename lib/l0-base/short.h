/* short.h - layer 0: copying and comparing what is mostly short, without a call.
 *
 * Keys and pieces of records have some 5 to 30 bytes: a call of memcpy(3) costs more than what it
 * does. Here two wide steps, which may overlap, do any length up to 32. No byte outside is touched,
 * but by short_spill.
 */
#ifndef TUBERIA_SHORT_H
#define TUBERIA_SHORT_H

#include <stdint.h>
#include <string.h>

struct short_wide {
	uint64_t half[2];
};

static inline uint64_t short_load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static inline uint32_t short_load4(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Copy n bytes between places that do not overlap. Returns to + n. */
static inline char *short_copy(char *to, const char *from, size_t n)
{
	if (n > 32) {
		memcpy(to, from, n);
	} else if (n >= 16) {
		struct short_wide a, b;

		memcpy(&a, from, 16);
		memcpy(&b, from + n - 16, 16);
		memcpy(to, &a, 16);
		memcpy(to + n - 16, &b, 16);
	} else if (n >= 8) {
		uint64_t a = short_load8(from), b = short_load8(from + n - 8);

		memcpy(to, &a, 8);
		memcpy(to + n - 8, &b, 8);
	} else if (n >= 4) {
		uint32_t a = short_load4(from), b = short_load4(from + n - 4);

		memcpy(to, &a, 4);
		memcpy(to + n - 4, &b, 4);
	} else if (n > 0) {
		char a = from[0], b = from[n / 2], c = from[n - 1];

		to[0] = a;
		to[n / 2] = b;
		to[n - 1] = c;
	}
	return to + n;
}

/* Bytes that short_spill may touch behind the end. */
#define SHORT_SPILL 16

/* Copy n bytes, and as many more as make whole steps of 16: those behind from + n are read, those
 * behind to + n written. Returns to + n. */
static inline char *short_spill(char *to, const char *from, size_t n)
{
	size_t done = 0;

	do {
		struct short_wide step;

		memcpy(&step, from + done, 16);
		memcpy(to + done, &step, 16);
		done += 16;
	} while (done < n);
	return to + n;
}

static inline int short_equal(const char *a, const char *b, size_t n)
{
	if (n > 16)
		return n > 32 ? memcmp(a, b, n) == 0
			      : ((short_load8(a) ^ short_load8(b)) |
				 (short_load8(a + 8) ^ short_load8(b + 8)) |
				 (short_load8(a + n - 16) ^ short_load8(b + n - 16)) |
				 (short_load8(a + n - 8) ^ short_load8(b + n - 8))) == 0;
	if (n >= 8)
		return ((short_load8(a) ^ short_load8(b)) |
			(short_load8(a + n - 8) ^ short_load8(b + n - 8))) == 0;
	if (n >= 4)
		return ((short_load4(a) ^ short_load4(b)) |
			(short_load4(a + n - 4) ^ short_load4(b + n - 4))) == 0;
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

#endif
