/* awserror.h - layer 2: what a service of AWS means by an error: its code, and what to do about it.
 */
#ifndef TUBERIA_AWSERROR_H
#define TUBERIA_AWSERROR_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* Append code ("ThrottlingException", what stands in front of '#' or behind ':' left out) and
 * message of an error, to terminated texts; of the message only its first line: behind it the
 * answer to a wrong signature repeats what was signed, session token included. reply: JSON or XML,
 * with READER_PADDING readable bytes behind it; type: header x-amzn-errortype. Where there is no
 * code, one is made of the HTTP status: "404". Returns 0, or -1 out of memory. */
int awserror_read(struct slice reply, struct slice type, int status, struct buf *code,
		  struct buf *message);

enum awserror_kind {
	AWSERROR_THROTTLED, /* too many requests: again, later */
	AWSERROR_TRANSIENT, /* trouble there: again */
	AWSERROR_CLOCK,     /* the signature's time, or something that may be due to it */
	AWSERROR_EXPIRED,   /* the session token's time is over */
	AWSERROR_DENIED,    /* not with these keys */
	AWSERROR_MISSING,   /* what is asked for is not there */
	AWSERROR_OTHER      /* the request is wrong, or what it asks for is */
};

enum awserror_kind awserror_kind(const char *code, int status);

/* The exit status for an error that stays: ERR_TEMP for the first two, ERR_DENIED, ERR_CONFIG. */
enum err_status awserror_status(enum awserror_kind kind);

#endif
