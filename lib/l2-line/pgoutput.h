/* pgoutput.h - layer 2: decoder of PostgreSQL's logical replication messages (plugin pgoutput).
 *
 * Protocol versions 1 and 2, values as text. Pure: bytes in, a struct out, nothing copied; every
 * length is checked, so any bytes at all may be given. Source: PostgreSQL manual, 55.9 "Logical
 * Replication Message Formats".
 *
 * Version 2 (streaming of transactions in progress) adds the kinds S, E, c and A, and puts an xid
 * behind the kind of what stands between S and E (but for O): whoever asks for it takes that out
 * with pgoutput_take_xid().
 */
#ifndef TUBERIA_PGOUTPUT_H
#define TUBERIA_PGOUTPUT_H

#include <endian.h>
#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

enum pgoutput_kind {
	PGOUTPUT_BEGIN = 'B',
	PGOUTPUT_COMMIT = 'C',
	PGOUTPUT_ORIGIN = 'O',
	PGOUTPUT_RELATION = 'R',
	PGOUTPUT_TYPE = 'Y',
	PGOUTPUT_INSERT = 'I',
	PGOUTPUT_UPDATE = 'U',
	PGOUTPUT_DELETE = 'D',
	PGOUTPUT_TRUNCATE = 'T',
	PGOUTPUT_MESSAGE = 'M',
	/* version 2 */
	PGOUTPUT_STREAM_START = 'S',
	PGOUTPUT_STREAM_STOP = 'E',
	PGOUTPUT_STREAM_COMMIT = 'c',
	PGOUTPUT_STREAM_ABORT = 'A'
};

enum pgoutput_value_kind {
	PGOUTPUT_NULL,
	PGOUTPUT_UNCHANGED, /* a TOASTed value that the UPDATE left alone: it is not in the message
			     */
	PGOUTPUT_TEXT
};

struct pgoutput_value {
	enum pgoutput_value_kind kind;
	struct slice text; /* PGOUTPUT_TEXT: what the type's output function gave */
};

struct pgoutput_tuple {
	size_t count;
	const struct pgoutput_value *value;
};

struct pgoutput_column {
	struct slice name;
	int key;       /* part of the replica identity; with REPLICA IDENTITY FULL all are */
	uint32_t type; /* OID */
	int32_t typmod;
};

/* One message. Members that its kind does not name are unset. Slices point into the message's
 * bytes, arrays into the decoder; both are valid until the next call. */
struct pgoutput_message {
	enum pgoutput_kind kind;
	uint32_t xid;     /* BEGIN, STREAM_START, _COMMIT, _ABORT */
	uint32_t subxid;  /* STREAM_ABORT: of the subtransaction, or again xid */
	uint64_t lsn;     /* BEGIN, [STREAM_]COMMIT: where the commit record begins */
	uint64_t end_lsn; /* [STREAM_]COMMIT: where it ends */
	int64_t time;     /* BEGIN, [STREAM_]COMMIT: of the commit, microseconds since 1970 UTC */

	uint32_t relation;   /* RELATION, INSERT, UPDATE, DELETE: OID */
	struct slice schema; /* RELATION; empty for pg_catalog */
	struct slice table;  /* RELATION */
	char identity;       /* RELATION: pg_class.relreplident: 'd', 'n', 'f' or 'i' */
	size_t column_count; /* RELATION */
	const struct pgoutput_column *column;

	char old; /* UPDATE, DELETE: 'O' the old row whole, 'K' its key, 0 none */
	struct pgoutput_tuple old_row, new_row; /* count 0 where there is none */

	size_t truncated_count; /* TRUNCATE: how many relations; pgoutput_truncates() knows which */
	struct slice truncated;
};

/* Holds the arrays that messages point to; they grow to the widest row. Start with {0}. */
struct pgoutput {
	struct pgoutput_column *column;
	struct pgoutput_value *value; /* of the old row, then of the new one */
	size_t column_size, value_size;
};

void pgoutput_free(struct pgoutput *d); /* resets to {0} */

/* Decode one message. Returns 0, or -1: ERR_DATA with err.byte when the bytes are not one message
 * and nothing else; ERR_TEMP out of memory. */
int pgoutput_decode(struct pgoutput *d, struct slice bytes, struct pgoutput_message *m,
		    struct err *err);

/* Whether a TRUNCATE is of this relation, among others perhaps. */
int pgoutput_truncates(const struct pgoutput_message *m, uint32_t relation);

/* What stands between STREAM_START and STREAM_STOP: its xid, and *bytes, whose content changes,
 * becomes the message without it. Returns 0, or -1 with ERR_DATA. */
int pgoutput_take_xid(char **bytes, size_t *len, uint32_t *xid, struct err *err);

/* Big-endian integers, as the protocol has them; p need not be aligned. */
static inline uint32_t pgoutput_get32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return be32toh(n);
}

static inline uint64_t pgoutput_get64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof n);
	return be64toh(n);
}

/* The protocol's times count microseconds from 2000-01-01; ours from 1970-01-01. */
#define PGOUTPUT_EPOCH INT64_C(946684800000000)

#endif
