#include "l0-base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = 0;
}

char *buf_grow(struct buf *b, size_t n)
{
	size_t size = b->size < 64 ? 64 : b->size;
	char *at;

	if (n > SIZE_MAX / 2 - b->len) {
		b->failed = 1;
		return NULL;
	}
	while (size - b->len < n)
		size *= 2;
	at = realloc(b->at, size);
	if (at == NULL) {
		b->failed = 1;
		return NULL;
	}
	b->at = at;
	b->size = size;
	return at + b->len;
}

int buf_put(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_room(b, n);

	if (to == NULL)
		return -1;
	if (n > 0)
		memcpy(to, bytes, n);
	b->len += n;
	return 0;
}

int buf_puts(struct buf *b, const char *text)
{
	return buf_put(b, text, strlen(text));
}

int buf_slice(struct buf *b, struct slice s)
{
	return buf_put(b, s.at, s.len);
}

int buf_byte(struct buf *b, char c)
{
	return buf_put(b, &c, 1);
}

int buf_int(struct buf *b, int64_t n)
{
	char digits[20], *end = digits + sizeof digits, *first = end;
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	do
		*--first = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (n < 0)
		*--first = '-';
	return buf_put(b, first, (size_t)(end - first));
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	size_t room = b->size - b->len;
	char *to = b->at == NULL ? NULL : b->at + b->len;
	int n;

	va_start(args, format);
	va_copy(again, args);
	/* Into what room there is; once more when there is more than that. */
	n = vsnprintf(to, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= room) {
		to = buf_room(b, (size_t)n + 1);
		if (to != NULL)
			vsnprintf(to, (size_t)n + 1, format, again);
	}
	va_end(again);
	if (n < 0 || to == NULL) {
		b->failed = 1;
		return -1;
	}
	b->len += (size_t)n;
	return 0;
}

const char *buf_text(struct buf *b)
{
	char *end = buf_room(b, 1);

	if (end == NULL)
		return "";
	*end = '\0';
	return b->at;
}
