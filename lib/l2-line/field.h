/* field.h - layer 2, of the record scanner alone: a field's value in a line, for its two ways of
 * reading one. */
#ifndef TUBERIA_FIELD_H
#define TUBERIA_FIELD_H

#include "l0-base/buf.h"

enum scan_kind {
	SCAN_ABSENT, /* the record has no such field */
	SCAN_NULL,
	SCAN_FALSE,
	SCAN_TRUE,
	SCAN_NUMBER,
	SCAN_STRING,
	SCAN_OBJECT,
	SCAN_ARRAY
};

struct scan_value {
	enum scan_kind kind;
	struct slice raw;  /* the JSON text as it stands in the line (a string with its quotes) */
	struct slice text; /* a string's characters, escapes undone; anything else: as raw */
	size_t byte;       /* 1-based byte of raw in the line */
};

#endif
