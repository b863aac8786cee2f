/* awsfile.h - layer 2: the files config and credentials that all AWS tools share.
 *
 * Sections with "key = value" lines, comments on lines of their own, and indented "key = value"
 * lines beneath a key that has none. Source: AWS SDKs and Tools Reference Guide, "Format of the
 * config and credentials files".
 */
#ifndef TUBERIA_AWSFILE_H
#define TUBERIA_AWSFILE_H

#include "l0-base/err.h"

struct awsfile;

enum awsfile_kind {
	AWSFILE_CONFIG,     /* a profile's section is [profile NAME], or [default] */
	AWSFILE_CREDENTIALS /* [NAME] */
};

/* Read a file; one that is not there is empty. In memory it is cleansed by awsfile_free. Returns
 * NULL with ERR_CONFIG (a line that is none of the above), ERR_IO or ERR_TEMP. */
struct awsfile *awsfile_read(const char *path, enum awsfile_kind kind, struct err *err);

/* As awsfile_read, from text, which is copied; path: for messages. */
struct awsfile *awsfile_parse(const char *text, const char *path, enum awsfile_kind kind,
			      struct err *err);
void awsfile_free(struct awsfile *f); /* NULL is allowed */

/* 1 when there is such a section. section: "profile NAME" (also for [default] and in credentials),
 * "services NAME". */
int awsfile_has(const struct awsfile *f, const char *section);

/* The value of a key, of the last line that has it; NULL when there is none, or it is empty. sub:
 * NULL, or the key beneath it. Keys are found in any case. */
const char *awsfile_get(const struct awsfile *f, const char *section, const char *key,
			const char *sub);

#endif
