#include "l2-line/keyring.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "l0-base/file.h"
#include "l0-base/hash.h"
#include "l1-value/jsontext.h"
#include "l1-value/timestamp.h"

enum {
	FILE_MOST = 16 << 20, /* bytes */
	KEY_MOST = 256        /* bytes of what may be a key */
};

/* Texts lie in one buf, which moves as it grows. */
struct text {
	size_t at, len;
};

struct entry {
	unsigned char digest[HASH_SHA256_BYTES];
	struct text name;
	int limited;
	size_t first, count; /* its products, of all */
	int64_t expires;     /* seconds since 1970; INT64_MAX: never */
};

struct keyring {
	char *path;
	struct stat read; /* of the file that was read last; all zeros: none */
	int failed;       /* it was bad */
	struct err why;
	struct buf entries, products, texts; /* struct entry, struct text, bytes */
};

struct keyring *keyring_new(const char *path)
{
	struct keyring *k = calloc(1, sizeof *k);

	if (k == NULL || path == NULL)
		return k;
	k->path = strdup(path);
	if (k->path != NULL)
		return k;
	free(k);
	return NULL;
}

static void forget(struct keyring *k)
{
	buf_clear(&k->entries);
	buf_clear(&k->products);
	buf_clear(&k->texts);
}

void keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	buf_free(&k->entries);
	buf_free(&k->products);
	buf_free(&k->texts);
	free(k->path);
	free(k);
}

static const struct entry *entry_of(const struct keyring *k, int i)
{
	return (const struct entry *)(const void *)k->entries.at + i;
}

static size_t entry_count(const struct keyring *k)
{
	return k->entries.len / sizeof(struct entry);
}

/* ---- a line ---- */

struct parsing {
	struct keyring *k;
	struct jsontext *json;
	struct entry entry;
	int has_digest;
};

/* The text of a string event, kept. */
static int keep(struct parsing *p, int event, struct text *kept, struct err *err)
{
	struct slice text = {p->json->raw.at + 1, p->json->raw.len - 2};

	if (event != JSONTEXT_STRING)
		return err_set(err, ERR_DATA, "not a string");
	if (p->json->escaped && jsontext_undo(p->json, p->json->raw, &text, err) != 0)
		return -1;
	*kept = (struct text){p->k->texts.len, text.len};
	return buf_slice(&p->k->texts, text) == 0 ? 0 : err_memory(err);
}

static struct slice text_of(const struct keyring *k, struct text t)
{
	return (struct slice){k->texts.at + t.at, t.len};
}

static int read_digest(struct parsing *p, struct slice hex, struct err *err)
{
	if (hex.len != 2 * (size_t)HASH_SHA256_BYTES)
		return err_set(err, ERR_DATA, "not 64 hexadecimal digits");
	for (size_t i = 0; i < hex.len; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = hex.at[i] == '\0' ? NULL : strchr(digits, hex.at[i]);

		if (digit == NULL)
			return err_set(err, ERR_DATA, "not 64 hexadecimal digits");
		p->entry.digest[i / 2] =
			(unsigned char)(p->entry.digest[i / 2] << 4 | (digit - digits));
	}
	p->has_digest = 1;
	return 0;
}

/* "2027-01-01T00:00:00Z": the one form, so that no time zone has to be known. */
static int read_expiry(struct parsing *p, struct slice text, struct err *err)
{
	int64_t day, of_day = 0;

	if (text.len != 20 || text.at[10] != 'T' || text.at[13] != ':' || text.at[16] != ':' ||
	    text.at[19] != 'Z' || date_parse((struct slice){text.at, 10}, &day, err) != 0)
		return err_set(err, ERR_DATA, "not a time as 2027-01-01T00:00:00Z");
	for (size_t i = 11; i < 19; i += 3) {
		static const int most[] = {24, 60, 60};
		int tens = text.at[i] - '0', ones = text.at[i + 1] - '0';
		int most_here = most[(i - 11) / 3];

		if (tens < 0 || tens > 9 || ones < 0 || ones > 9 || tens * 10 + ones >= most_here)
			return err_set(err, ERR_DATA, "not a time as 2027-01-01T00:00:00Z");
		of_day = of_day * most_here + tens * 10 + ones;
	}
	p->entry.expires = day * 86400 + of_day;
	return 0;
}

static int read_products(struct parsing *p, int event, struct err *err)
{
	struct text text;

	if (event == JSONTEXT_NULL)
		return 0;
	if (event != JSONTEXT_ARRAY)
		return err_set(err, ERR_DATA, "not an array of strings");
	p->entry.limited = 1;
	while ((event = jsontext_next(p->json, err)) != JSONTEXT_ARRAY_END) {
		if (event < 0 || keep(p, event, &text, err) != 0)
			return -1;
		if (++p->entry.count > KEYRING_PRODUCTS_MOST)
			return err_set(err, ERR_DATA, "more than %d products",
				       KEYRING_PRODUCTS_MOST);
		if (buf_put(&p->k->products, &text, sizeof text) != 0)
			return err_memory(err);
	}
	return 0;
}

/* The value of a member that nobody asks for. */
static int skip_value(struct parsing *p, int event, struct err *err)
{
	unsigned depth = p->json->depth;

	if (event != JSONTEXT_OBJECT && event != JSONTEXT_ARRAY)
		return 0;
	while (p->json->depth >= depth)
		if (jsontext_next(p->json, err) < 0)
			return -1;
	return 0;
}

static int read_member(struct parsing *p, struct err *err)
{
	struct slice key = p->json->key;
	int event = jsontext_next(p->json, err), failed;
	struct text text;

	if (event < 0)
		return -1;
	if (slice_is(key, "name"))
		failed = keep(p, event, &p->entry.name, err);
	else if (slice_is(key, "sha256"))
		failed = keep(p, event, &text, err) != 0 ||
			 read_digest(p, text_of(p->k, text), err) != 0;
	else if (slice_is(key, "expires") && event != JSONTEXT_NULL)
		failed = keep(p, event, &text, err) != 0 ||
			 read_expiry(p, text_of(p->k, text), err) != 0;
	else if (slice_is(key, "productos"))
		failed = read_products(p, event, err);
	else
		return skip_value(p, event, err);
	if (failed && err->byte == 0)
		err_prefix(err, "%.*s", SLICE_ARG(key));
	return failed ? -1 : 0;
}

static int read_line(struct parsing *p, struct slice line, struct err *err)
{
	struct keyring *k = p->k;
	int event;

	p->entry = (struct entry){.first = k->products.len / sizeof(struct text),
				  .expires = INT64_MAX};
	p->has_digest = 0;
	jsontext_begin(p->json, line);
	event = jsontext_next(p->json, err);
	if (event >= 0 && event != JSONTEXT_OBJECT)
		return err_set(err, ERR_DATA, "not a JSON object");
	while (event >= 0 && (event = jsontext_next(p->json, err)) == JSONTEXT_KEY)
		if (read_member(p, err) != 0)
			return -1;
	if (event < 0 || jsontext_next(p->json, err) < 0)
		return -1;
	if (!p->has_digest || p->entry.name.len == 0)
		return err_set(err, ERR_DATA, "no %s", p->has_digest ? "name" : "sha256");
	return buf_put(&k->entries, &p->entry, sizeof p->entry) == 0 ? 0 : err_memory(err);
}

/* ---- the file ---- */

static int read_lines(struct keyring *k, struct slice rest, struct err *err)
{
	struct parsing p = {.k = k, .json = jsontext_new()};
	int failed = p.json == NULL ? err_memory(err) : 0;

	for (size_t number = 1; !failed && rest.len > 0; number++) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct slice line = {rest.at, end == NULL ? rest.len : (size_t)(end - rest.at)};
		size_t used = line.len + (end != NULL);

		if (line.len > 0)
			failed = read_line(&p, line, err);
		if (failed)
			err_prefix(err, "%s:%zu", k->path, number);
		rest = (struct slice){rest.at + used, rest.len - used};
	}
	jsontext_free(p.json);
	return failed ? -1 : 0;
}

static int read_file(struct keyring *k, const struct stat *st, struct err *err)
{
	struct buf bytes = {0};
	int failed;

	forget(k);
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a regular file", k->path);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, ERR_CONFIG,
			       "%s: others than its owner may write it (chmod go-w)", k->path);
	failed = file_read(k->path, FILE_MOST, &bytes, err) < 0;
	if (!failed && buf_room(&bytes, JSONTEXT_PADDING) == NULL)
		failed = err_memory(err);
	if (!failed) {
		memset(bytes.at + bytes.len, 0, JSONTEXT_PADDING);
		failed = read_lines(k, buf_view(&bytes), err);
	}
	buf_free(&bytes);
	if (failed)
		forget(k);
	return failed ? -1 : 0;
}

static int is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int keyring_refresh(struct keyring *k, struct err *err)
{
	struct stat st = {0};

	if (k->path == NULL)
		return 0;
	if (stat(k->path, &st) != 0 && errno != ENOENT) {
		forget(k);
		k->read = (struct stat){0};
		return err_sys(err, errno == EACCES ? ERR_DENIED : ERR_IO, errno, "%s", k->path);
	}
	if (!is_same(&st, &k->read)) {
		/* The stat is older than what is read: what changes in between is read again. */
		k->read = st;
		k->failed = st.st_ino != 0 && read_file(k, &st, &k->why) != 0;
		if (st.st_ino == 0)
			forget(k);
		/* A shortage of the moment is no property of the file. */
		if (k->failed && k->why.status == ERR_TEMP)
			k->read = (struct stat){0};
	}
	if (k->failed)
		*err = k->why;
	return k->failed ? -1 : 0;
}

/* ---- asking ---- */

int keyring_find(const struct keyring *k, struct slice key, int64_t now, unsigned char *digest)
{
	size_t count = entry_count(k);
	int found = -1;

	memset(digest, 0, HASH_SHA256_BYTES);
	if (key.len == 0 || key.len > KEY_MOST)
		return -1;
	hash_sha256(key, digest);
	for (size_t i = 0; i < count; i++)
		if (hash_equal(entry_of(k, (int)i)->digest, digest, HASH_SHA256_BYTES))
			found = (int)i;
	return found >= 0 && now < entry_of(k, found)->expires ? found : -1;
}

struct slice keyring_name(const struct keyring *k, int who)
{
	return text_of(k, entry_of(k, who)->name);
}

int keyring_products(const struct keyring *k, int who)
{
	const struct entry *e = entry_of(k, who);

	return e->limited ? (int)e->count : -1;
}

struct slice keyring_product(const struct keyring *k, int who, int i)
{
	const struct text *products = (const struct text *)(const void *)k->products.at;

	return text_of(k, products[entry_of(k, who)->first + (size_t)i]);
}

int keyring_allows(const struct keyring *k, int who, struct slice producto)
{
	int count = keyring_products(k, who), allowed = count < 0;

	for (int i = 0; i < count; i++)
		allowed |= slice_equal(keyring_product(k, who, i), producto);
	return allowed;
}
