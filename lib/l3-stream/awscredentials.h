/* awscredentials.h - layer 3: whose keys sign: found where all AWS tools look, and renewed in time.
 *
 * The order: environment, profile with a role, web identity, profile with keys or a process,
 * container, instance. Source: tuberia-aws(7), CREDENTIALS.
 */
#ifndef TUBERIA_AWSCREDENTIALS_H
#define TUBERIA_AWSCREDENTIALS_H

#include <signal.h>

#include "l0-base/err.h"
#include "l2-line/awskeys.h"
#include "l3-stream/awsconfig.h"

struct awscredentials;

/* As awssource_new. Nothing is looked for yet. Returns NULL out of memory. */
struct awscredentials *awscredentials_new(const struct awsconfig *config, int64_t *skew,
					  const sigset_t *allowed,
					  const volatile sig_atomic_t *stop);
void awscredentials_free(struct awscredentials *c); /* NULL is allowed */

/* The keys, which are valid for some minutes yet: looked for at the first call, and again when they
 * are about to expire; that waits for whoever gives them. now: seconds since 1970, skew included.
 * The answer is valid until the next call. Returns NULL with ERR_CONFIG (none found; a profile that
 * is not usable; SSO), ERR_DENIED, ERR_UNAVAILABLE, ERR_TEMP. */
const struct awskeys *awscredentials_get(struct awscredentials *c, int64_t now, struct err *err);

/* A service says that they have expired: the next get looks for them again. Returns 0 when that
 * would give the same ones again. */
int awscredentials_expired(struct awscredentials *c);

#endif
