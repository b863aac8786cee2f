/* awskeys.h - layer 2: a pair of keys for AWS, with its session token, in memory that is cleansed.
 */
#ifndef TUBERIA_AWSKEYS_H
#define TUBERIA_AWSKEYS_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct awskeys {
	char id[256], secret[256], token[8192]; /* token: "" when there is none */
	int64_t expires;                        /* seconds since 1970, 0: never */
	char source[200]; /* where they are from, for messages: "profile \"a\"" */
};

struct awskeys *awskeys_new(void); /* NULL out of memory */
void awskeys_free(struct awskeys *k);

/* Set all of it; expires: RFC 3339, or empty. Returns 0, or -1 with ERR_CONFIG: empty, too long, a
 * control byte, no time. The source is printed by format. */
int awskeys_set(struct awskeys *k, struct slice id, struct slice secret, struct slice token,
		struct slice expires, struct err *err, const char *format, ...)
	__attribute__((format(printf, 7, 8)));

/* As awskeys_set, from a JSON object with AccessKeyId, SecretAccessKey, token_name and Expiration.
 * The text has READER_PADDING readable bytes behind it. */
int awskeys_set_json(struct awskeys *k, struct slice json, const char *token_name, struct err *err,
		     const char *source);

/* As awskeys_set, from the <Credentials> of an answer of STS. */
int awskeys_set_xml(struct awskeys *k, struct slice xml, struct err *err, const char *source);

#endif
