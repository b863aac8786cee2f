/* awssource.h - layer 3: credentials for AWS that a server gives: STS, a container's endpoint, the
 * metadata of an instance. Each call waits for its answer.
 *
 * Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
 */
#ifndef TUBERIA_AWSSOURCE_H
#define TUBERIA_AWSSOURCE_H

#include <signal.h>

#include "l0-base/err.h"
#include "l2-line/awskeys.h"
#include "l3-stream/awsconfig.h"

struct awssource;

/* skew: seconds to add to this machine's clock, shared with whoever learns of it. stop: when it
 * becomes non-zero, nothing is tried again; NULL: never. All must stay. Returns NULL out of memory.
 */
struct awssource *awssource_new(const struct awsconfig *config, int64_t *skew,
				const sigset_t *allowed, const volatile sig_atomic_t *stop);
void awssource_free(struct awssource *s); /* NULL is allowed */

struct awsrole {
	const char *arn;
	const char *session;     /* NULL: a name of ours */
	const char *external_id; /* NULL: none */
	const char *duration;    /* seconds, NULL: what the service thinks right */
	const char *source;      /* for messages: "profile \"a\"" */
};

/* A role by STS, with the keys of somebody who may take it, or with a token of an identity provider
 * in a file. Return 0, or -1: ERR_DENIED, ERR_CONFIG, ERR_UNAVAILABLE, ERR_TEMP. */
int awssource_assume(struct awssource *s, const struct awskeys *by, const struct awsrole *role,
		     struct awskeys *k, struct err *err);
int awssource_web_identity(struct awssource *s, const char *token_file, const struct awsrole *role,
			   struct awskeys *k, struct err *err);

/* What the environment says of a container's endpoint (ECS, EKS). Returns 1; 0 when it says
 * nothing; -1. */
int awssource_container(struct awssource *s, struct awskeys *k, struct err *err);

/* The role of the instance (EC2), by IMDSv2 and never through a proxy. Returns 1; 0 when this is
 * no instance, it has no role, or AWS_EC2_METADATA_DISABLED is true; -1. */
int awssource_instance(struct awssource *s, struct awskeys *k, struct err *err);

#endif
