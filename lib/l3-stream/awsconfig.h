/* awsconfig.h - layer 3: how the user has set up AWS: environment over files over defaults.
 *
 * Source: tuberia-aws(7); AWS SDKs and Tools Reference Guide, "Settings reference".
 */
#ifndef TUBERIA_AWSCONFIG_H
#define TUBERIA_AWSCONFIG_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

struct awsconfig;

/* Read the environment and the files. Returns NULL with ERR_CONFIG (a broken file, AWS_PROFILE
 * names none that is there) or ERR_TEMP. Texts live as long as it. */
struct awsconfig *awsconfig_new(struct err *err);
void awsconfig_free(struct awsconfig *c); /* NULL is allowed */

const char *awsconfig_profile(const struct awsconfig *c); /* "default", or by AWS_PROFILE */
int awsconfig_has_profile(const struct awsconfig *c, const char *profile);

/* An environment variable, NULL when unset or empty. */
const char *awsconfig_env(const char *name);

/* A setting of a profile: of the file credentials, or else of config. NULL: not set. */
const char *awsconfig_of_profile(const struct awsconfig *c, const char *profile, const char *key);

/* A setting of the profile in use, or, over it, of the environment variable. */
const char *awsconfig_get(const struct awsconfig *c, const char *env, const char *key);

/* The same of a setting that stands indented beneath another one, as addressing_style under s3. */
const char *awsconfig_get_below(const struct awsconfig *c, const char *env, const char *key,
				const char *sub);

/* 1 for "true" in any case, 0 for "false" and when not set; -1 with ERR_CONFIG for anything else.
 */
int awsconfig_truth(const struct awsconfig *c, const char *env, const char *key, struct err *err);

/* A number within [least, most], *n unchanged when not set. Returns 0, or -1 with ERR_CONFIG. */
int awsconfig_number(const struct awsconfig *c, const char *env, const char *key, int64_t least,
		     int64_t most, int64_t *n, struct err *err);

/* The region: AWS_REGION, AWS_DEFAULT_REGION, the profile's. NULL with ERR_CONFIG when there is
 * none, or it is no region's name. */
const char *awsconfig_region(const struct awsconfig *c, struct err *err);

/* A service: its name in settings ("dynamodb", "cloudwatch"), in host names and in signatures. */
struct awsservice {
	const char *name, *host, *signing;
};

/* NULL with ERR_CONFIG when it is not known. */
const struct awsservice *awsconfig_service(const char *name, struct err *err);

/* Append the URL of the service's endpoint, without a slash behind it: AWS_ENDPOINT_URL_NAME,
 * AWS_ENDPOINT_URL, the profile's of the service and of all, or that of AWS in the region. *given:
 * 1 when it was set, 0 when it is that of AWS. Returns 0, or -1 with ERR_CONFIG or ERR_TEMP. */
int awsconfig_endpoint(const struct awsconfig *c, const struct awsservice *service,
		       const char *region, struct buf *url, int *given, struct err *err);

#endif
