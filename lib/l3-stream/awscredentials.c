#include "l3-stream/awscredentials.h"

#include <stdio.h>
#include <stdlib.h>

#include "l0-base/hash.h"
#include "l2-line/capture.h"
#include "l2-line/reader.h"
#include "l3-stream/awssource.h"

enum {
	RENEW_BEFORE = 600, /* seconds before they expire, */
	RENEW_AGAIN = 60,   /* and, if that fails, not more often than this */
	CHAIN_MOST = 8,
	PROCESS_PRINTS_MOST = 1 << 16
};

struct awscredentials {
	const struct awsconfig *config;
	const sigset_t *allowed;
	const volatile sig_atomic_t *stop;
	struct awssource *source;
	struct awskeys *keys, *next;
	int have;          /* keys are set */
	int renewable;     /* another look may give others */
	int64_t not_until; /* a renewal failed: the next one */
};

struct awscredentials *awscredentials_new(const struct awsconfig *config, int64_t *skew,
					  const sigset_t *allowed,
					  const volatile sig_atomic_t *stop)
{
	struct awscredentials *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->config = config;
	c->allowed = allowed;
	c->stop = stop;
	c->source = awssource_new(config, skew, allowed, stop);
	c->keys = awskeys_new();
	c->next = awskeys_new();
	if (c->source != NULL && c->keys != NULL && c->next != NULL)
		return c;
	awscredentials_free(c);
	return NULL;
}

void awscredentials_free(struct awscredentials *c)
{
	if (c == NULL)
		return;
	awssource_free(c->source);
	awskeys_free(c->keys);
	awskeys_free(c->next);
	free(c);
}

/* Where keys are looked for: each returns 1 with *k, 0 when there are none of its kind, or -1. */

static struct slice text_of(const char *text)
{
	return text == NULL ? (struct slice){NULL, 0} : slice_of(text);
}

static int from_environment(struct awskeys *k, struct err *err)
{
	const char *id = awsconfig_env("AWS_ACCESS_KEY_ID");
	const char *secret = awsconfig_env("AWS_SECRET_ACCESS_KEY");
	const char *token = awsconfig_env("AWS_SESSION_TOKEN");

	if (token == NULL)
		token = awsconfig_env("AWS_SECURITY_TOKEN");
	if (id == NULL && secret == NULL)
		return 0;
	if (id == NULL || secret == NULL)
		return err_set(err, ERR_CONFIG, "%s is set without %s",
			       id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			       id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return awskeys_set(k, slice_of(id), slice_of(secret), text_of(token),
			   (struct slice){NULL, 0}, err, "environment") == 0
		       ? 1
		       : -1;
}

static int static_keys(struct awscredentials *c, const char *profile, struct awskeys *k,
		       struct err *err)
{
	const char *id = awsconfig_of_profile(c->config, profile, "aws_access_key_id");
	const char *secret = awsconfig_of_profile(c->config, profile, "aws_secret_access_key");
	const char *token = awsconfig_of_profile(c->config, profile, "aws_session_token");

	if (id == NULL && secret == NULL)
		return 0;
	if (token == NULL)
		token = awsconfig_of_profile(c->config, profile, "aws_security_token");
	return awskeys_set(k, text_of(id), text_of(secret), text_of(token), (struct slice){NULL, 0},
			   err, "profile \"%s\"", profile) == 0
		       ? 1
		       : -1;
}

static int from_process(struct awscredentials *c, const char *profile, struct awskeys *k,
			struct err *err)
{
	const char *command = awsconfig_of_profile(c->config, profile, "credential_process");
	struct buf out = {0};
	char source[120];
	int failed;

	if (command == NULL)
		return 0;
	snprintf(source, sizeof source, "credential_process of profile \"%.60s\"", profile);
	if (buf_room(&out, PROCESS_PRINTS_MOST + 8192) == NULL)
		return err_memory(err);
	failed = capture(command, PROCESS_PRINTS_MOST, &out, c->allowed, c->stop, err);
	if (failed)
		err_prefix(err, "%s", source);
	else if (buf_room(&out, READER_PADDING) == NULL)
		failed = err_memory(err);
	else
		failed = awskeys_set_json(k, buf_view(&out), "SessionToken", err, source);
	hash_cleanse_buf(&out);
	c->renewable = 1;
	return failed ? -1 : 1;
}

static int from_profile(struct awscredentials *c, const char *profile, int depth, struct awskeys *k,
			struct err *err);

/* The keys of whoever is to take the role. */
static int by_whom(struct awscredentials *c, const char *profile, int depth, struct awskeys *k,
		   struct err *err)
{
	const char *source = awsconfig_of_profile(c->config, profile, "source_profile");
	const char *kind = awsconfig_of_profile(c->config, profile, "credential_source");
	int found;

	if ((source == NULL) == (kind == NULL))
		return err_set(err, ERR_CONFIG,
			       "profile \"%s\": role_arn needs source_profile or credential_source",
			       profile);
	if (source != NULL) {
		if (!awsconfig_has_profile(c->config, source))
			return err_set(err, ERR_CONFIG,
				       "profile \"%s\": source_profile \"%s\" is not there",
				       profile, source);
		found = static_keys(c, source, k, err);
		if (found == 0 && strcmp(source, profile) != 0)
			found = from_profile(c, source, depth + 1, k, err);
	} else if (strcmp(kind, "Environment") == 0) {
		found = from_environment(k, err);
	} else if (strcmp(kind, "EcsContainer") == 0) {
		found = awssource_container(c->source, k, err);
	} else if (strcmp(kind, "Ec2InstanceMetadata") == 0) {
		found = awssource_instance(c->source, k, err);
	} else {
		return err_set(err, ERR_CONFIG, "profile \"%s\": credential_source \"%s\"", profile,
			       kind);
	}
	if (found == 0)
		return err_set(err, ERR_CONFIG, "profile \"%s\": no credentials in %s \"%s\"",
			       profile, source != NULL ? "source_profile" : "credential_source",
			       source != NULL ? source : kind);
	return found;
}

static int from_role(struct awscredentials *c, const char *profile, int depth, struct awskeys *k,
		     struct err *err)
{
	char source[120];
	struct awsrole role = {
		.arn = awsconfig_of_profile(c->config, profile, "role_arn"),
		.session = awsconfig_of_profile(c->config, profile, "role_session_name"),
		.external_id = awsconfig_of_profile(c->config, profile, "external_id"),
		.duration = awsconfig_of_profile(c->config, profile, "duration_seconds"),
		.source = source,
	};
	const char *token = awsconfig_of_profile(c->config, profile, "web_identity_token_file");
	struct awskeys *by;
	int failed;

	if (role.arn == NULL)
		return 0;
	c->renewable = 1;
	snprintf(source, sizeof source, "profile \"%.60s\"", profile);
	if (token != NULL)
		return awssource_web_identity(c->source, token, &role, k, err) == 0 ? 1 : -1;
	if (awsconfig_of_profile(c->config, profile, "mfa_serial") != NULL)
		return err_set(err, ERR_CONFIG,
			       "profile \"%s\" wants an MFA code, which nobody can type into a "
			       "pipe: aws sts assume-role gives keys for the environment",
			       profile);
	if (depth >= CHAIN_MOST)
		return err_set(err, ERR_CONFIG, "profile \"%s\": its source_profile goes round",
			       profile);
	by = awskeys_new();
	if (by == NULL)
		return err_memory(err);
	failed = by_whom(c, profile, depth, by, err) < 0 ||
		 awssource_assume(c->source, by, &role, k, err) != 0;
	awskeys_free(by);
	return failed ? -1 : 1;
}

static int from_web_identity(struct awscredentials *c, struct awskeys *k, struct err *err)
{
	const char *token = awsconfig_env("AWS_WEB_IDENTITY_TOKEN_FILE");
	struct awsrole role = {.arn = awsconfig_env("AWS_ROLE_ARN"),
			       .session = awsconfig_env("AWS_ROLE_SESSION_NAME"),
			       .source = "AWS_WEB_IDENTITY_TOKEN_FILE"};

	if (token == NULL)
		return 0;
	if (role.arn == NULL)
		return err_set(err, ERR_CONFIG,
			       "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
	c->renewable = 1;
	return awssource_web_identity(c->source, token, &role, k, err) == 0 ? 1 : -1;
}

static int is_sso(struct awscredentials *c, const char *profile, struct err *err)
{
	if (awsconfig_of_profile(c->config, profile, "sso_session") == NULL &&
	    awsconfig_of_profile(c->config, profile, "sso_start_url") == NULL)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "profile \"%s\" signs in by SSO, which needs a browser: "
		       "eval \"$(aws configure export-credentials --profile %s --format env)\", or "
		       "a profile with credential_process = aws configure export-credentials "
		       "--profile %s",
		       profile, profile, profile);
}

static int from_profile(struct awscredentials *c, const char *profile, int depth, struct awskeys *k,
			struct err *err)
{
	int found = from_role(c, profile, depth, k, err);

	if (found == 0 && depth == 0)
		found = from_web_identity(c, k, err);
	if (found == 0)
		found = is_sso(c, profile, err);
	if (found == 0)
		found = static_keys(c, profile, k, err);
	if (found == 0)
		found = from_process(c, profile, k, err);
	return found;
}

static int look(struct awscredentials *c, struct awskeys *k, struct err *err)
{
	const char *profile = awsconfig_profile(c->config);
	int found;

	c->renewable = 0;
	found = from_environment(k, err);
	if (found == 0)
		found = from_profile(c, profile, 0, k, err);
	if (found == 0) {
		c->renewable = 1;
		found = awssource_container(c->source, k, err);
	}
	if (found == 0)
		found = awssource_instance(c->source, k, err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return err_set(err, ERR_CONFIG,
		       "no AWS credentials: not in the environment (AWS_ACCESS_KEY_ID), not in "
		       "profile \"%s\", and no role of a container or an instance "
		       "(tuberia-aws(7), CREDENTIALS)",
		       profile);
}

const struct awskeys *awscredentials_get(struct awscredentials *c, int64_t now, struct err *err)
{
	struct awskeys *k = c->keys;

	if (c->have && (k->expires == 0 || now < k->expires - RENEW_BEFORE || now < c->not_until))
		return k;
	if (look(c, c->next, err) == 0) {
		c->keys = c->next;
		c->next = k;
		hash_cleanse(k, sizeof *k);
		c->have = 1;
		/* Some last for less than that from their first day. */
		c->not_until = now + RENEW_AGAIN;
		return c->keys;
	}
	/* What is there is good for some minutes yet. */
	if (!c->have || now >= k->expires)
		return NULL;
	c->not_until = now + RENEW_AGAIN;
	return k;
}

int awscredentials_expired(struct awscredentials *c)
{
	if (!c->have || !c->renewable)
		return 0;
	c->have = 0;
	c->not_until = 0;
	return 1;
}
