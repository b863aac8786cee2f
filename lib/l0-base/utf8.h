/* utf8.h - layer 0: is it UTF-8? */
#ifndef TUBERIA_UTF8_H
#define TUBERIA_UTF8_H

#include "l0-base/buf.h"

/* Length of the longest prefix that is valid UTF-8 (RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF); equal to s.len when all of it is. */
size_t utf8_valid(struct slice s);

#endif
