/* opt.h - layer 3: command-line options as data: one table gives parsing, bounds, environment
 * variables, --help and shell completion.
 *
 * Defaults < environment < option. Long options may be shortened while unambiguous, take
 * "--name value" or "--name=value"; short ones take "-n value", "-nvalue" and may be bundled; "--"
 * ends them; options and operands may be mixed (getopt_long(3)'s habits).
 */
#ifndef TUBERIA_OPT_H
#define TUBERIA_OPT_H

#include <stdint.h>

#include "l0-base/buf.h"
#include "l0-base/err.h"

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
	const char *
		argument; /* name of its argument in --help ("FILE", "DURATION"); NULL for a flag */
	void *to;         /* where the value goes; holds the default before */
	const char *help; /* one line; the default is said by the author here */
	const char *env;  /* environment variable that gives it too, or NULL */
	const char *choices; /* OPT_STRING: "final|delta": nothing else is allowed; or NULL */
	int64_t least, most; /* both 0: no bounds */
};

struct opt_command {
	const char *name;    /* "window-agg" */
	const char *purpose; /* one line, for --help */
	const char
		*usage; /* "[options] < records": what follows the name in --help; may have lines */
	const char *see_also;      /* closing line(s) of --help, or NULL */
	const struct opt *options; /* ends with an entry whose name and help are NULL */
};

/* Every command also has -h, --help; --version; and --completion=bash. These are answered by text.
 * Parses argv; operands (what is left) are moved to the front: (*operands)[0 .. *count).
 * Returns 0 to go on; 1 when `out` holds a text for stdout, after which the command exits 0;
 * -1 with ERR_USAGE (message names the option, and the nearest one for a misspelt one). */
int opt_parse(const struct opt_command *c, int argc, char **argv, char ***operands, size_t *count,
	      struct buf *out, struct err *err);

/* Free what OPT_LIST options hold. */
void opt_free(const struct opt_command *c);

#endif
