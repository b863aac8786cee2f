#include "l0-base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies text into the message, control bytes escaped; cuts at the end, never inside an escape. */
static void set_message(struct err *err, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;

	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		int plain = c >= 0x20 && c != 0x7f;

		if (used + (plain ? 1 : 4) >= sizeof err->message)
			break;
		if (plain) {
			err->message[used++] = *p;
		} else {
			err->message[used++] = '\\';
			err->message[used++] = 'x';
			err->message[used++] = hex[c >> 4];
			err->message[used++] = hex[c & 15];
		}
	}
	err->message[used] = '\0';
}

static int __attribute__((format(printf, 4, 0)))
fill(struct err *err, enum err_status status, size_t byte, const char *format, va_list args)
{
	char text[sizeof err->message];

	vsnprintf(text, sizeof text, format, args);
	err->status = status;
	err->closed_pipe = 0;
	err->byte = byte;
	set_message(err, text);
	return -1;
}

int(err_set)(struct err *err, enum err_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, status, 0, format, args);
	va_end(args);
	return -1;
}

int(err_at)(struct err *err, size_t byte, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, ERR_DATA, byte, format, args);
	va_end(args);
	return -1;
}

int(err_sys)(struct err *err, enum err_status status, int errnum, const char *format, ...)
{
	va_list args;
	size_t used;

	va_start(args, format);
	fill(err, status, 0, format, args);
	va_end(args);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(errnum));
	return -1;
}

int(err_memory)(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

int(err_prefix)(struct err *err, const char *format, ...)
{
	char head[sizeof err->message], text[2 * sizeof err->message + 2];
	va_list args;

	va_start(args, format);
	vsnprintf(head, sizeof head, format, args);
	va_end(args);
	snprintf(text, sizeof text, "%s: %s", head, err->message);
	set_message(err, text);
	return -1;
}
