#include "l2-line/awskeys.h"

#include <stdarg.h>
#include <stdio.h>

#include "l0-base/hash.h"
#include "l1-value/timestamp.h"
#include "l1-value/xmltext.h"
#include "l2-line/scan.h"

struct awskeys *awskeys_new(void)
{
	return secret_new(sizeof(struct awskeys));
}

void awskeys_free(struct awskeys *k)
{
	secret_free(k, sizeof *k);
}

static int copy(char *to, size_t size, struct slice from, const char *what, struct err *err)
{
	if (from.len >= size)
		return err_set(err, ERR_CONFIG, "the %s is too long to be one", what);
	for (size_t i = 0; i < from.len; i++)
		if ((unsigned char)from.at[i] < 0x20 || from.at[i] == 0x7f)
			return err_set(err, ERR_CONFIG, "a control byte in the %s", what);
	if (from.len > 0)
		memcpy(to, from.at, from.len);
	to[from.len] = '\0';
	return 0;
}

static int set_expires(struct awskeys *k, struct slice text, struct err *err)
{
	struct zone *z = zone_new();
	struct timestamp t;
	int failed;

	if (z == NULL)
		return err_memory(err);
	failed = timestamp_parse(z, text, &t, err);
	zone_free(z);
	if (failed) {
		err->status = ERR_CONFIG;
		return err_prefix(err, "Expiration");
	}
	k->expires = t.utc;
	return 0;
}

int awskeys_set(struct awskeys *k, struct slice id, struct slice secret, struct slice token,
		struct slice expires, struct err *err, const char *format, ...)
{
	va_list args;

	hash_cleanse(k, sizeof *k);
	va_start(args, format);
	vsnprintf(k->source, sizeof k->source, format, args);
	va_end(args);
	if (id.len == 0 || secret.len == 0)
		return err_set(err, ERR_CONFIG, "%s: no %s", k->source,
			       id.len == 0 ? "access key id" : "secret access key");
	if (copy(k->id, sizeof k->id, id, "access key id", err) != 0 ||
	    copy(k->secret, sizeof k->secret, secret, "secret access key", err) != 0 ||
	    copy(k->token, sizeof k->token, token, "session token", err) != 0 ||
	    (expires.len > 0 && set_expires(k, expires, err) != 0))
		return err_prefix(err, "%s", k->source);
	return 0;
}

int awskeys_set_json(struct awskeys *k, struct slice json, const char *token_name, struct err *err,
		     const char *source)
{
	const char *const fields[] = {"AccessKeyId", "SecretAccessKey", token_name, "Expiration"};
	struct scan_value v[4];
	struct slice text[4] = {{NULL, 0}};
	struct scan *scan;
	int failed;

	if (scan_new(fields, 4, &scan, err) != 0)
		return -1;
	failed = scan_line(scan, json, v, err);
	if (failed) {
		/* Not what was read: there may be a secret in it. */
		err_set(err, ERR_CONFIG, "%s: the answer is not a JSON object", source);
	} else {
		for (size_t i = 0; i < 4; i++)
			if (v[i].kind == SCAN_STRING)
				text[i] = v[i].text;
		failed = awskeys_set(k, text[0], text[1], text[2], text[3], err, "%s", source);
	}
	scan_free(scan);
	return failed;
}

int awskeys_set_xml(struct awskeys *k, struct slice xml, struct err *err, const char *source)
{
	static const char *const paths[] = {
		"*/*/Credentials/AccessKeyId", "*/*/Credentials/SecretAccessKey",
		"*/*/Credentials/SessionToken", "*/*/Credentials/Expiration"};
	struct buf text[4] = {{0}};
	int failed = 0;

	for (size_t i = 0; i < 4; i++)
		failed |= xmltext_find(xml, paths[i], &text[i]) < 0;
	if (failed)
		err_set(err, ERR_CONFIG, "%s: the answer is not XML", source);
	else
		failed = awskeys_set(k, buf_view(&text[0]), buf_view(&text[1]), buf_view(&text[2]),
				     buf_view(&text[3]), err, "%s", source);
	for (size_t i = 0; i < 4; i++)
		hash_cleanse_buf(&text[i]);
	return failed;
}
