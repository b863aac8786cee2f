/* buf.h - layer 0: a stretch of bytes (slice) and a growing one (buf). */
#ifndef TUBERIA_BUF_H
#define TUBERIA_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns; not terminated, may hold NUL bytes. {NULL, 0} is empty. */
struct slice {
	const char *at;
	size_t len;
};

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static inline int slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline int slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_of(text));
}

/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).len, (s).at

/* Start with {0}. After a failed call (out of memory) the buf is unchanged but for `failed`, which
 * stays set until buf_clear: a chain of puts may be checked once, at its end. */
struct buf {
	char *at;
	size_t len, size;
	int failed;
};

void buf_free(struct buf *b);  /* frees the bytes and resets to {0} */
void buf_clear(struct buf *b); /* length 0, memory kept */

char *buf_grow(struct buf *b, size_t n); /* for buf_room alone */

/* Make room for n more bytes. Returns where to write them (then add to len), or NULL. */
static inline char *buf_room(struct buf *b, size_t n)
{
	return b->at != NULL && n <= b->size - b->len ? b->at + b->len : buf_grow(b, n);
}

/* Append. Return 0, or -1 out of memory. */
int buf_put(struct buf *b, const void *bytes, size_t n);
int buf_puts(struct buf *b, const char *text);
int buf_slice(struct buf *b, struct slice s);
int buf_byte(struct buf *b, char c);
int buf_int(struct buf *b, int64_t n); /* its decimal digits */
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, with a NUL byte behind it (not counted in len); "" when it cannot be had.
 * Valid until the next call on b. */
const char *buf_text(struct buf *b);

static inline struct slice buf_view(const struct buf *b)
{
	return (struct slice){b->at, b->len};
}

#endif
