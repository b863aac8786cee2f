/* kpl.h - layer 2: records of many that the Kinesis Producer Library (KPL) packs into one of a
 * stream: a magic number, a message of protocol buffers, and the MD5 of that.
 *
 * Source: amazon-kinesis-producer, aggregation-format.md; Protocol Buffers, Encoding.
 */
#ifndef TUBERIA_KPL_H
#define TUBERIA_KPL_H

#include "l0-base/buf.h"

struct kpl {
	struct slice rest;
};

/* Returns 1 when data is such a record, whole and as its checksum says; 0 when it is not. */
int kpl_begin(struct slice data, struct kpl *k);

/* The data of the next record in it, its keys and tags left out. Returns 1, or 0 at the end. */
int kpl_next(struct kpl *k, struct slice *data);

#endif
