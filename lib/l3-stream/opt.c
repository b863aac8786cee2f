#include "l3-stream/opt.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "l1-value/timestamp.h"

/* ---- values ---- */

static void put_number(struct buf *out, const struct opt *o, int64_t n)
{
	if (o->kind == OPT_DURATION)
		duration_put(out, n);
	else
		buf_printf(out, "%" PRId64, n);
}

static int check_bounds(const struct opt *o, const char *label, const char *text, int64_t n,
			struct err *err)
{
	struct buf bounds = {0};

	if ((o->least == 0 && o->most == 0) || (n >= o->least && n <= o->most))
		return 0;
	if (o->most == INT64_MAX) {
		buf_puts(&bounds, "at least ");
		put_number(&bounds, o, o->least);
	} else {
		buf_puts(&bounds, "from ");
		put_number(&bounds, o, o->least);
		buf_puts(&bounds, " to ");
		put_number(&bounds, o, o->most);
	}
	err_set(err, ERR_USAGE, "%s: \"%s\": must be %s", label, text, buf_text(&bounds));
	buf_free(&bounds);
	return -1;
}

static int set_int(const struct opt *o, const char *label, const char *text, struct err *err)
{
	char *end;
	long long n;

	/* strtoll alone would take white space, "+1" and "". */
	errno = 0;
	n = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[text[0] == '-']) || *end != '\0')
		return err_set(err, ERR_USAGE, "%s: \"%s\": not a whole number", label, text);
	if (errno == ERANGE)
		return err_set(err, ERR_USAGE, "%s: \"%s\": number too large", label, text);
	if (check_bounds(o, label, text, n, err) != 0)
		return -1;
	*(int64_t *)o->to = n;
	return 0;
}

static int set_duration(const struct opt *o, const char *label, const char *text, struct err *err)
{
	struct err ignored;
	int64_t micros;

	if (duration_parse(slice_of(text), &micros, &ignored) != 0)
		return err_set(err, ERR_USAGE,
			       "%s: \"%s\": not a duration, such as 250ms, 10s, 5m or 1h30m", label,
			       text);
	if (check_bounds(o, label, text, micros, err) != 0)
		return -1;
	*(int64_t *)o->to = micros;
	return 0;
}

static int check_choice(const struct opt *o, const char *label, const char *text, struct err *err)
{
	struct buf all = {0};
	struct slice word;

	if (o->choices == NULL)
		return 0;
	for (const char *rest = o->choices; (word = option_next_choice(&rest)).len > 0;)
		if (slice_is(word, text))
			return 0;
	for (const char *rest = o->choices; (word = option_next_choice(&rest)).len > 0;) {
		buf_puts(&all, all.len == 0 ? "" : *rest == '\0' ? " or " : ", ");
		buf_slice(&all, word);
	}
	err_set(err, ERR_USAGE, "%s: \"%s\": must be %s", label, text, buf_text(&all));
	buf_free(&all);
	return -1;
}

static int add_item(struct opt_list *list, const char *text, struct err *err)
{
	const char **items = reallocarray(list->items, list->count + 1, sizeof *items);

	if (items == NULL)
		return err_memory(err);
	list->items = items;
	list->items[list->count++] = text;
	return 0;
}

/* label: what the message names, "--lateness" or the environment variable. text: NULL for a flag.
 */
static int set_value(const struct opt *o, const char *label, const char *text, struct err *err)
{
	switch (o->kind) {
	case OPT_FLAG:
		*(int *)o->to = 1;
		return 0;
	case OPT_INT:
		return set_int(o, label, text, err);
	case OPT_DURATION:
		return set_duration(o, label, text, err);
	case OPT_STRING:
		if (check_choice(o, label, text, err) != 0)
			return -1;
		*(const char **)o->to = text;
		return 0;
	case OPT_LIST:
		if (check_choice(o, label, text, err) != 0)
			return -1;
		return add_item(o->to, text, err);
	case OPT_HEADING:
		break;
	}
	return err_set(err, ERR_USAGE, "%s: no option", label);
}

/* ---- finding an option ---- */

/* Edits (insert, delete, replace, swap neighbours) that make b of a; case does not count. */
static size_t edit_distance(struct slice a, struct slice b)
{
	enum { MOST = 40 };
	size_t d[3][MOST + 1];

	if (a.len > MOST || b.len > MOST)
		return MOST;
	for (size_t j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *row = d[i % 3], *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			int x = tolower((unsigned char)a.at[i - 1]);
			int y = tolower((unsigned char)b.at[j - 1]);
			size_t best = above[j - 1] + (x != y);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && x == tolower((unsigned char)b.at[j - 2]) &&
			    tolower((unsigned char)a.at[i - 2]) == y && above2[j - 2] + 1 < best)
				best = above2[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[a.len % 3][b.len];
}

static int fail_unknown_long(const struct opt_command *c, struct slice name, struct err *err)
{
	const struct opt *o, *nearest = NULL;
	size_t least = 1 + name.len / 4 + 1;

	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		size_t distance;

		if (o->kind == OPT_HEADING)
			continue;
		distance = edit_distance(name, slice_of(o->name));
		if (distance < least) {
			least = distance;
			nearest = o;
		}
	}
	if (name.len > 60)
		name.len = 60;
	if (nearest == NULL)
		return err_set(err, ERR_USAGE, "unknown option --%.*s; see --help",
			       SLICE_ARG(name));
	return err_set(err, ERR_USAGE, "unknown option --%.*s; did you mean --%s?", SLICE_ARG(name),
		       nearest->name);
}

/* An exact name, or the only one that begins so. */
static int find_long(const struct opt_command *c, struct slice name, size_t *found, struct err *err)
{
	struct buf matches = {0};
	const struct opt *o;
	size_t count = 0;

	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		if (o->kind == OPT_HEADING || strncmp(o->name, name.at, name.len) != 0)
			continue;
		if (o->name[name.len] == '\0') {
			*found = i;
			count = 1;
			break;
		}
		buf_printf(&matches, "%s--%s", count > 0 ? ", " : "", o->name);
		*found = i;
		count++;
	}
	if (count > 1)
		err_set(err, ERR_USAGE, "--%.*s is ambiguous: %s", SLICE_ARG(name),
			buf_text(&matches));
	buf_free(&matches);
	if (count == 0)
		return fail_unknown_long(c, name, err);
	return count == 1 ? 0 : -1;
}

static int find_letter(const struct opt_command *c, const char *word, char letter, size_t *found,
		       struct err *err)
{
	const struct opt *o;

	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		if (o->kind != OPT_HEADING && o->letter == letter && letter != 0) {
			*found = i;
			return 0;
		}
	}
	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++)
		if (o->kind != OPT_HEADING && strcmp(o->name, word + 1) == 0)
			return err_set(err, ERR_USAGE, "unknown option %s; did you mean --%s?",
				       word, o->name);
	if (word[2] == '\0' ||
	    !isgraph((unsigned char)letter)) /* not a byte of a longer character */
		return err_set(err, ERR_USAGE, "unknown option %.60s; see --help", word);
	return err_set(err, ERR_USAGE, "unknown option -%c in %.60s; see --help", letter, word);
}

/* ---- the command line ---- */

struct parse {
	const struct opt_command *c;
	int argc, at; /* argv[at] is the next word */
	char **argv;
	char *given; /* given[i]: option_at(c, i) stood on the command line */
	struct buf *out;
};

/* Option i with its argument, or NULL when there is none. Returns 0, 1 when it was answered by
 * text, or -1. */
static int take(struct parse *p, size_t i, const char *argument, struct err *err)
{
	const struct opt *o = option_at(p->c, i);
	size_t own = option_count(p->c);
	char label[80];

	snprintf(label, sizeof label, "--%s", o->name);
	p->given[i] = 1;
	if (option_takes_argument(o) && argument == NULL)
		return err_set(err, ERR_USAGE, "%s: its argument is missing (%s)", label,
			       option_argument(o));
	if (i < own)
		return set_value(o, label, argument, err);
	if (argument != NULL && check_choice(o, label, argument, err) != 0)
		return -1;
	switch (i - own) {
	case OPTION_HELP:
		option_put_help(p->out, p->c);
		break;
	case OPTION_VERSION:
		buf_printf(p->out, "%s (Tubería) %s\n", p->c->name, TUBERIA_VERSION);
		break;
	default:
		option_put_completion(p->out, p->c);
	}
	return p->out->failed ? err_memory(err) : 1;
}

static int take_long(struct parse *p, const char *word, struct err *err)
{
	struct slice name = {word + 2, strcspn(word + 2, "=")};
	const char *argument = name.at[name.len] == '=' ? name.at + name.len + 1 : NULL;
	const struct opt *o;
	size_t i = 0;

	if (find_long(p->c, name, &i, err) != 0)
		return -1;
	o = option_at(p->c, i);
	if (!option_takes_argument(o) && argument != NULL)
		return err_set(err, ERR_USAGE, "--%s: takes no argument", o->name);
	if (option_takes_argument(o) && argument == NULL && p->at < p->argc)
		argument = p->argv[p->at++];
	return take(p, i, argument, err);
}

static int take_letters(struct parse *p, const char *word, struct err *err)
{
	for (const char *at = word + 1; *at != '\0'; at++) {
		const char *argument = NULL;
		const struct opt *o;
		size_t i = 0;
		int answer;

		if (find_letter(p->c, word, *at, &i, err) != 0)
			return -1;
		o = option_at(p->c, i);
		if (option_takes_argument(o)) {
			if (at[1] != '\0')
				argument = at + 1;
			else if (p->at < p->argc)
				argument = p->argv[p->at++];
		}
		answer = take(p, i, argument, err);
		if (answer != 0 || argument != NULL)
			return answer;
	}
	return 0;
}

/* Options that were not given, from their environment variables. An empty one counts as unset. */
static int take_environment(struct parse *p, struct err *err)
{
	for (size_t i = 0; i < option_count(p->c); i++) {
		const struct opt *o = &p->c->options[i];
		const char *text = o->env == NULL || p->given[i] ? NULL : getenv(o->env);

		if (text != NULL && *text != '\0' && set_value(o, o->env, text, err) != 0)
			return -1;
	}
	return 0;
}

int opt_parse(const struct opt_command *c, int argc, char **argv, char ***operands, size_t *count,
	      struct buf *out, struct err *err)
{
	struct parse p = {.c = c, .argc = argc, .at = 1, .argv = argv, .out = out};
	int answer = 0, kept = 1;

	p.given = calloc(option_count(c) + OPTION_BUILTINS, 1);
	if (p.given == NULL)
		return err_memory(err);
	while (answer == 0 && p.at < argc) {
		char *word = argv[p.at++];

		if (strcmp(word, "--") == 0) {
			while (p.at < argc)
				argv[kept++] = argv[p.at++];
		} else if (word[0] != '-' || word[1] == '\0') {
			argv[kept++] = word;
		} else if (word[1] == '-') {
			answer = take_long(&p, word, err);
		} else {
			answer = take_letters(&p, word, err);
		}
	}
	if (answer == 0)
		answer = take_environment(&p, err);
	free(p.given);
	*operands = argv + (argc > 0);
	*count = (size_t)(kept - 1);
	return answer;
}

/* Whether the word behind this one is an option's argument. */
static int takes_next(const struct opt_command *c, const char *word)
{
	size_t name = strcspn(word, "="), i = 0;
	struct err ignored;

	if (word[1] == '-')
		return word[name] == '\0' &&
		       find_long(c, (struct slice){word + 2, name - 2}, &i, &ignored) == 0 &&
		       option_takes_argument(option_at(c, i));
	for (const char *at = word + 1; *at != '\0'; at++) {
		if (find_letter(c, word, *at, &i, &ignored) != 0)
			return 0;
		if (option_takes_argument(option_at(c, i)))
			return at[1] == '\0';
	}
	return 0;
}

const char *opt_first_operand(const struct opt_command *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1 < argc ? argv[i + 1] : NULL;
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			return argv[i];
		if (takes_next(c, argv[i]))
			i++;
	}
	return NULL;
}

void opt_free(const struct opt_command *c)
{
	for (size_t i = 0; i < option_count(c); i++) {
		const struct opt *o = &c->options[i];
		struct opt_list *list = o->to;

		if (o->kind != OPT_LIST)
			continue;
		free(list->items);
		*list = (struct opt_list){0};
	}
}
