#include "l3-stream/awsconfig.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "l2-line/awsfile.h"

struct awsconfig {
	struct awsfile *config, *credentials;
	const char *profile;
};

const char *awsconfig_env(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

/* ---- files ---- */

/* The file that the variable names, or ~/.aws/NAME. */
static int put_path(struct buf *out, const char *env, const char *name)
{
	const char *given = awsconfig_env(env), *home = awsconfig_env("HOME");
	struct passwd *user;

	if (given != NULL && (given[0] != '~' || given[1] != '/')) {
		buf_puts(out, given);
		return buf_byte(out, '\0');
	}
	if (home == NULL) {
		user = getpwuid(getuid());
		home = user == NULL ? "" : user->pw_dir;
	}
	buf_puts(out, home);
	if (given != NULL)
		buf_puts(out, given + 1);
	else
		buf_printf(out, "/.aws/%s", name);
	return buf_byte(out, '\0');
}

static struct awsfile *read_file(const char *env, const char *name, enum awsfile_kind kind,
				 struct err *err)
{
	struct buf path = {0};
	struct awsfile *f = NULL;

	if (put_path(&path, env, name) != 0 || path.failed)
		err_memory(err);
	else
		f = awsfile_read(path.at, kind, err);
	buf_free(&path);
	return f;
}

struct awsconfig *awsconfig_new(struct err *err)
{
	struct awsconfig *c = calloc(1, sizeof *c);
	const char *asked = awsconfig_env("AWS_PROFILE");

	if (c == NULL) {
		err_memory(err);
		return NULL;
	}
	if (asked == NULL)
		asked = awsconfig_env("AWS_DEFAULT_PROFILE");
	c->profile = asked == NULL ? "default" : asked;
	c->config = read_file("AWS_CONFIG_FILE", "config", AWSFILE_CONFIG, err);
	if (c->config != NULL)
		c->credentials = read_file("AWS_SHARED_CREDENTIALS_FILE", "credentials",
					   AWSFILE_CREDENTIALS, err);
	if (c->credentials == NULL)
		goto fail;
	if (asked != NULL && !awsconfig_has_profile(c, asked)) {
		err_set(err, ERR_CONFIG,
			"AWS profile \"%s\": neither in ~/.aws/config nor in ~/.aws/credentials",
			asked);
		goto fail;
	}
	return c;
fail:
	awsconfig_free(c);
	return NULL;
}

void awsconfig_free(struct awsconfig *c)
{
	if (c == NULL)
		return;
	awsfile_free(c->config);
	awsfile_free(c->credentials);
	free(c);
}

const char *awsconfig_profile(const struct awsconfig *c)
{
	return c->profile;
}

/* "profile NAME" into *section; "" when there is no memory for it, which no section is called. */
static const char *section_of(struct buf *section, const char *kind, const char *name)
{
	buf_clear(section);
	buf_printf(section, "%s %s", kind, name);
	return section->failed ? "" : buf_text(section);
}

int awsconfig_has_profile(const struct awsconfig *c, const char *profile)
{
	struct buf section = {0};
	const char *name = section_of(&section, "profile", profile);
	int found = awsfile_has(c->config, name) || awsfile_has(c->credentials, name);

	buf_free(&section);
	return found;
}

const char *awsconfig_of_profile(const struct awsconfig *c, const char *profile, const char *key)
{
	struct buf section = {0};
	const char *name = section_of(&section, "profile", profile);
	const char *value = awsfile_get(c->credentials, name, key, NULL);

	if (value == NULL)
		value = awsfile_get(c->config, name, key, NULL);
	buf_free(&section);
	return value;
}

/* ---- settings ---- */

const char *awsconfig_get(const struct awsconfig *c, const char *env, const char *key)
{
	const char *value = awsconfig_env(env);

	return value != NULL ? value : awsconfig_of_profile(c, c->profile, key);
}

const char *awsconfig_get_below(const struct awsconfig *c, const char *env, const char *key,
				const char *sub)
{
	const char *value = awsconfig_env(env);
	struct buf section = {0};

	if (value == NULL)
		value = awsfile_get(c->config, section_of(&section, "profile", c->profile), key,
				    sub);
	buf_free(&section);
	return value;
}

int awsconfig_truth(const struct awsconfig *c, const char *env, const char *key, struct err *err)
{
	const char *value = awsconfig_get(c, env, key);

	if (value == NULL || strcasecmp(value, "false") == 0)
		return 0;
	if (strcasecmp(value, "true") == 0)
		return 1;
	return err_set(err, ERR_CONFIG, "%s (or %s of the profile): \"%s\" is not true or false",
		       env, key, value);
}

int awsconfig_number(const struct awsconfig *c, const char *env, const char *key, int64_t least,
		     int64_t most, int64_t *n, struct err *err)
{
	const char *value = awsconfig_get(c, env, key);
	long long number;
	char *end;

	if (value == NULL)
		return 0;
	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno != 0 || *end != '\0' || number < least || number > most)
		return err_set(err, ERR_CONFIG,
			       "%s (or %s of the profile): \"%s\" is not a number from %lld to "
			       "%lld",
			       env, key, value, (long long)least, (long long)most);
	*n = number;
	return 0;
}

/* ---- where ---- */

/* It becomes part of a host name. */
static int is_label(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < 64 && text[n] == '\0' && text[0] != '-';
}

const char *awsconfig_region(const struct awsconfig *c, struct err *err)
{
	const char *region = awsconfig_env("AWS_REGION");

	if (region == NULL)
		region = awsconfig_get(c, "AWS_DEFAULT_REGION", "region");
	if (region != NULL && is_label(region))
		return region;
	if (region == NULL)
		err_set(err, ERR_CONFIG,
			"which region? (AWS_REGION, or region of profile \"%s\" in ~/.aws/config)",
			c->profile);
	else
		err_set(err, ERR_CONFIG, "\"%s\": not the name of a region", region);
	return NULL;
}

static const struct awsservice services[] = {
	{"dynamodb", "dynamodb", "dynamodb"},
	{"s3", "s3", "s3"},
	{"kinesis", "kinesis", "kinesis"},
	{"cloudwatch", "monitoring", "monitoring"},
	{"sts", "sts", "sts"},
};

const struct awsservice *awsconfig_service(const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	err_set(err, ERR_CONFIG, "\"%s\": no service of AWS that is known here", name);
	return NULL;
}

/* What the user has set; NULL when nothing is. */
static const char *endpoint_set(const struct awsconfig *c, const struct awsservice *service)
{
	char env[64] = "AWS_ENDPOINT_URL_";
	size_t n = strlen(env);
	struct buf section = {0};
	const char *url, *named;

	for (const char *s = service->name; *s != '\0' && n + 1 < sizeof env; s++)
		env[n++] = (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
	env[n] = '\0';
	url = awsconfig_env(env);
	if (url == NULL)
		url = awsconfig_env("AWS_ENDPOINT_URL");
	named = awsconfig_of_profile(c, c->profile, "services");
	if (url == NULL && named != NULL)
		url = awsfile_get(c->config, section_of(&section, "services", named), service->name,
				  "endpoint_url");
	if (url == NULL)
		url = awsconfig_of_profile(c, c->profile, "endpoint_url");
	buf_free(&section);
	return url;
}

/* Domains of AWS, by how the names of their regions begin. */
static const struct {
	const char *region, *domain, *dual;
} partitions[] = {
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"us-isob-", "sc2s.sgov.gov", "sc2s.sgov.gov"},
	{"us-isof-", "csp.hci.ic.gov", "csp.hci.ic.gov"},
	{"us-iso-", "c2s.ic.gov", "c2s.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk", "cloud.adc-e.uk"},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"", "amazonaws.com", "api.aws"},
};

static int put_standard(const struct awsconfig *c, const struct awsservice *service,
			const char *region, struct buf *url, struct err *err)
{
	int fips = awsconfig_truth(c, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", err);
	int dual = fips < 0 ? -1
			    : awsconfig_truth(c, "AWS_USE_DUALSTACK_ENDPOINT",
					      "use_dualstack_endpoint", err);
	int is_s3 = strcmp(service->name, "s3") == 0;
	size_t i = 0;

	if (fips < 0 || dual < 0)
		return -1;
	while (strncmp(region, partitions[i].region, strlen(partitions[i].region)) != 0)
		i++;
	buf_printf(url, "https://%s%s%s.%s.%s", service->host, fips ? "-fips" : "",
		   dual && is_s3 ? ".dualstack" : "", region,
		   dual && !is_s3 ? partitions[i].dual : partitions[i].domain);
	return 0;
}

int awsconfig_endpoint(const struct awsconfig *c, const struct awsservice *service,
		       const char *region, struct buf *url, int *given, struct err *err)
{
	int ignore = awsconfig_truth(c, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
				     "ignore_configured_endpoint_urls", err);
	const char *set = ignore != 0 ? NULL : endpoint_set(c, service);

	if (ignore < 0)
		return -1;
	*given = set != NULL;
	if (set == NULL) {
		if (put_standard(c, service, region, url, err) != 0)
			return -1;
	} else {
		size_t n = strlen(set);

		if (strncmp(set, "http://", 7) != 0 && strncmp(set, "https://", 8) != 0)
			return err_set(err, ERR_CONFIG,
				       "endpoint \"%s\": begins neither with http:// nor with "
				       "https://",
				       set);
		if (strpbrk(set, "?#@ \t") != NULL)
			return err_set(err, ERR_CONFIG, "endpoint \"%s\": host and path only", set);
		while (n > 0 && set[n - 1] == '/')
			n--;
		buf_put(url, set, n);
	}
	return url->failed ? err_memory(err) : 0;
}
