/* s3text.h - layer 2: what S3 is told and tells in text: places, and its lists in XML.
 */
#ifndef TUBERIA_S3TEXT_H
#define TUBERIA_S3TEXT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* "s3://bucket/some/prefix": the bucket's name, and the prefix of keys, which is empty or ends in
 * '/'. Both point into the place, but for that '/'. Returns 0, or -1 with ERR_USAGE. */
int s3text_place(const char *place, struct slice *bucket, struct slice *prefix, struct err *err);

/* 1 when a bucket of this name can be part of a host name that a certificate for *.DOMAIN is good
 * for: no dots in it, no capitals. */
int s3text_is_label(struct slice bucket);

struct s3text_entry {
	struct slice key, upload; /* upload: its id, of an upload */
	uint64_t size;
};

/* A page of ListObjectsV2, or of ListMultipartUploads. */
struct s3text_page {
	struct s3text_entry *entries;
	size_t count;
	int more;           /* there is another one, that is asked for with: */
	struct slice token; /* continuation-token */
	struct slice key_marker, upload_marker;

	/* the module's own */
	struct buf text;
	size_t room;
};

/* Read one; page: {0} at first, then used again. Its texts last as long as it. Returns 0, or -1
 * with ERR_DATA (no such list), ERR_TEMP. */
int s3text_page_read(struct s3text_page *page, struct slice reply, struct err *err);
void s3text_page_free(struct s3text_page *page); /* resets to {0} */

#endif
