#include "l2-line/option.h"

#include <ctype.h>

#define HELP_WIDTH 80
#define HELP_LEFT_MOST 32 /* the options' column grows to this; a longer one gets its own line */

/* What every command answers; `to` is not used. Their order is that of
 * enum option_builtin. */
static const struct opt builtins[] = {
	{.kind = OPT_FLAG, .letter = 'h', .name = "help", .help = "show this help"},
	{.kind = OPT_FLAG, .name = "version", .help = "show name and version"},
	{.kind = OPT_STRING,
	 .name = "completion",
	 .argument = "bash",
	 .choices = "bash",
	 .help = "print a completion function for that shell"},
	{0}};

static int is_last(const struct opt *o)
{
	return o->name == NULL && o->help == NULL;
}

size_t option_count(const struct opt_command *c)
{
	size_t n = 0;

	while (!is_last(&c->options[n]))
		n++;
	return n;
}

const struct opt *option_at(const struct opt_command *c, size_t i)
{
	size_t own = option_count(c);
	const struct opt *o = i < own ? &c->options[i] : &builtins[i - own];

	return is_last(o) ? NULL : o;
}

struct slice option_next_choice(const char **choices)
{
	size_t len = strcspn(*choices, "|");
	struct slice word = {*choices, len};

	*choices += len + ((*choices)[len] == '|');
	return word;
}

const char *option_argument(const struct opt *o)
{
	return o->argument != NULL ? o->argument : o->choices != NULL ? o->choices : "TEXT";
}

/* ---- --help ---- */

/* Columns that text takes: its characters, taken as one column each. */
static size_t columns(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.at[i] & 0xc0) != 0x80;
	return n;
}

/* What must stay on one line: a word, or all of "[--by FIELD]". */
static struct slice next_word(const char *text)
{
	size_t len = text[0] == '[' ? strcspn(text, "]\n") : 0;

	return (struct slice){text, len + strcspn(text + len, " \n")};
}

/* Append text, broken between words at HELP_WIDTH; lines after the first start at column `indent`.
 * at: the column where the output stands now. Newlines of the text are kept. */
static void put_wrapped(struct buf *out, const char *text, size_t at, size_t indent)
{
	int first = 1;

	while (*text != '\0') {
		struct slice word = next_word(text);
		size_t width = columns(word);
		char after = text[word.len];

		if (!first && at + 1 + width > HELP_WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!first) {
			buf_byte(out, ' ');
			at++;
		}
		buf_slice(out, word);
		at += width;
		first = 0;
		if (after == '\n') {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = 1;
		}
		text += word.len + (after != '\0');
	}
	buf_byte(out, '\n');
}

/* "  -w, --window DURATION" */
static void put_left(struct buf *out, const struct opt *o)
{
	if (o->letter != 0)
		buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (option_takes_argument(o))
		buf_printf(out, " %s",
			   o->argument != NULL  ? o->argument
			   : o->choices != NULL ? o->choices
						: "TEXT");
}

static void put_option(struct buf *out, const struct opt *o, size_t column)
{
	struct buf left = {0}, right = {0};
	size_t width;

	put_left(&left, o);
	buf_puts(&right, o->help == NULL ? "" : o->help);
	if (o->choices != NULL && o->argument != NULL && strcmp(o->choices, o->argument) != 0)
		buf_printf(&right, " (%s)", o->choices);
	if (o->env != NULL)
		buf_printf(&right, " [$%s]", o->env);
	width = columns(buf_view(&left));
	buf_slice(out, buf_view(&left));
	if (width + 2 > column) {
		buf_byte(out, '\n');
		width = 0;
	}
	buf_printf(out, "%*s", (int)(column - width), "");
	put_wrapped(out, buf_text(&right), column, column);
	out->failed |= left.failed | right.failed;
	buf_free(&left);
	buf_free(&right);
}

void option_put_help(struct buf *out, const struct opt_command *c)
{
	size_t column = 0, own = option_count(c);
	struct buf left = {0};
	const char *line = c->usage == NULL ? "" : c->usage;
	const struct opt *o;
	int headings = 0;

	for (int first = 1; first || *line != '\0'; first = 0) {
		size_t len = strcspn(line, "\n");
		size_t column_of_usage = 8 + columns(slice_of(c->name));

		buf_clear(&left);
		buf_put(&left, line, len);
		buf_printf(out, "%s %s ", first ? "Usage:" : "      ", c->name);
		put_wrapped(out, buf_text(&left), column_of_usage, column_of_usage);
		line += len + (line[len] == '\n');
	}
	buf_byte(out, '\n');
	put_wrapped(out, c->purpose, 0, 0);

	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		size_t width;

		if (o->kind == OPT_HEADING)
			continue;
		buf_clear(&left);
		put_left(&left, o);
		width = columns(buf_view(&left)) + 2;
		if (width > column && width <= HELP_LEFT_MOST)
			column = width;
	}
	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		if (o->kind == OPT_HEADING) {
			buf_printf(out, "\n%s\n", o->help);
			headings = 1;
			continue;
		}
		if (i == 0 || (i == own && headings))
			buf_byte(out, '\n');
		put_option(out, o, column);
	}
	if (c->see_also != NULL) {
		buf_byte(out, '\n');
		put_wrapped(out, c->see_also, 0, 0);
	}
	out->failed |= left.failed;
	buf_free(&left);
}

/* ---- --completion=bash ---- */

/* Offer these words, "final|delta". */
static void put_compgen_words(struct buf *out, const char *indent, const char *words)
{
	struct slice word;

	buf_printf(out, "%smapfile -t COMPREPLY < <(compgen -W '", indent);
	while ((word = option_next_choice(&words)).len > 0)
		buf_printf(out, "%.*s ", SLICE_ARG(word));
	buf_puts(out, "' -- \"$cur\")\n");
}

/* One case of the function: what may follow option o. Free text: nothing is offered. */
static void put_completion_case(struct buf *out, const struct opt *o)
{
	const char *argument = o->argument == NULL ? "" : o->argument;

	buf_printf(out, "\t--%s", o->name);
	if (o->letter != 0)
		buf_printf(out, " | -%c", o->letter);
	if (o->choices != NULL) {
		buf_puts(out, ")\n");
		put_compgen_words(out, "\t\t", o->choices);
		buf_puts(out, "\t\treturn\n\t\t;;\n");
	} else if (strstr(argument, "FILE") != NULL || strstr(argument, "DIR") != NULL) {
		buf_puts(out, ")\n\t\tcompopt -o filenames 2>/dev/null\n");
		buf_printf(out, "\t\tmapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")\n",
			   strstr(argument, "FILE") != NULL ? 'f' : 'd');
		buf_puts(out, "\t\treturn\n\t\t;;\n");
	} else {
		buf_puts(out, ")\n\t\treturn\n\t\t;;\n");
	}
}

void option_put_completion(struct buf *out, const struct opt_command *c)
{
	const struct opt *o;
	struct buf function = {0};

	/* bash takes a dash in a function's name, POSIX mode does not. */
	buf_printf(&function, "_tuberia_%s", c->name);
	for (size_t i = 0; i < function.len; i++)
		if (!isalnum((unsigned char)function.at[i]))
			function.at[i] = '_';
	buf_printf(out, "# bash completion for %s(1)\n%s()\n{\n", c->name, buf_text(&function));
	/* '=' is a word of its own in COMP_WORDS: "--emit=del" is three. */
	buf_puts(out, "\tlocal cur=${COMP_WORDS[COMP_CWORD]} option=\n"
		      "\tCOMPREPLY=()\n"
		      "\t((COMP_CWORD >= 1)) && option=${COMP_WORDS[COMP_CWORD - 1]}\n"
		      "\tif [[ $cur == '=' ]]; then\n"
		      "\t\tcur=\n"
		      "\telif [[ $option == '=' ]] && ((COMP_CWORD >= 2)); then\n"
		      "\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
		      "\tfi\n"
		      "\tcase $option in\n");
	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++)
		if (o->kind != OPT_HEADING && option_takes_argument(o))
			put_completion_case(out, o);
	buf_puts(out, "\tesac\n\tif [[ $cur == -* ]]; then\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for (size_t i = 0; (o = option_at(c, i)) != NULL; i++) {
		if (o->kind == OPT_HEADING)
			continue;
		buf_printf(out, "--%s ", o->name);
		if (o->letter != 0)
			buf_printf(out, "-%c ", o->letter);
	}
	buf_puts(out, "' -- \"$cur\")\n\telse\n");
	if (c->words != NULL)
		put_compgen_words(out, "\t\t", c->words);
	else
		buf_puts(out, "\t\tcompopt -o filenames 2>/dev/null\n"
			      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n");
	buf_printf(out, "\tfi\n}\ncomplete -F %s %s\n", buf_text(&function), c->name);
	out->failed |= function.failed;
	buf_free(&function);
}
