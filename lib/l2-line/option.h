/* option.h - layer 2: the option table of a command, and the texts that are made from it.
 *
 * l3-stream/opt.h parses a command line by this table; here is its form, --help and shell
 * completion.
 */
#ifndef TUBERIA_OPTION_H
#define TUBERIA_OPTION_H

#include <stdint.h>

#include "l0-base/buf.h"

enum opt_kind {
	OPT_FLAG,     /* int: 1 when given */
	OPT_STRING,   /* const char *: points into argv or the environment */
	OPT_INT,      /* int64_t within [least, most] */
	OPT_DURATION, /* int64_t microseconds within [least, most]; duration_parse's forms */
	OPT_LIST,     /* struct opt_list: every time it is given, in order */
	OPT_HEADING   /* no option: `help` is a heading of --help's list */
};

struct opt_list {
	const char **items; /* freed by opt_free */
	size_t count;
};

struct opt {
	enum opt_kind kind;
	char letter;      /* short form, or 0 */
	const char *name; /* long form without dashes */
	/* Name of its argument in --help ("DURATION"); NULL for a flag, or to show the choices.
	 * With FILE or DIR in it, completion offers file or directory names. */
	const char *argument;
	void *to;            /* where the value goes; holds the default before */
	const char *help;    /* one line; the default is said by the author here */
	const char *env;     /* environment variable that gives it too, or NULL */
	const char *choices; /* OPT_STRING: "final|delta": nothing else is allowed; or NULL */
	int64_t least, most; /* both 0: no bounds */
};

struct opt_command {
	const char *name;    /* "window-agg" */
	const char *purpose; /* one line, for --help */
	/* "[options] < records": what follows the name in --help. Each line of it is one more way
	 * to call the command. */
	const char *usage;
	const char *see_also;      /* closing line(s) of --help, or NULL */
	const struct opt *options; /* ends with an entry whose name and help are NULL */
	const char *words;         /* operands that completion offers, "clientes|productos"; NULL:
				    * names of files */
};

/* Options that every command has, in their order behind those of its table: -h, --help; --version;
 * --completion. Their `to` is NULL. */
enum option_builtin { OPTION_HELP, OPTION_VERSION, OPTION_COMPLETION, OPTION_BUILTINS };

/* Number of entries of the command's own table; entry i of it, followed by the built-in ones, or
 * NULL behind the last. */
size_t option_count(const struct opt_command *c);
const struct opt *option_at(const struct opt_command *c, size_t i);

static inline int option_takes_argument(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HEADING;
}

/* What stands for its argument in texts: its name, or its choices. */
const char *option_argument(const struct opt *o);

/* The next word of "final|delta" at *choices, which moves behind it; empty at the end. */
struct slice option_next_choice(const char **choices);

/* Append the text of --help, at most 80 columns wide; out->failed tells of lost memory. */
void option_put_help(struct buf *out, const struct opt_command *c);

/* Append a completion function for bash: names of options, their choices, files for arguments and
 * operands that are files. */
void option_put_completion(struct buf *out, const struct opt_command *c);

#endif
