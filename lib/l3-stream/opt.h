/* opt.h - layer 3: command-line options as data: one table (l2-line/option.h) gives parsing,
 * bounds, environment variables, --help and shell completion.
 *
 * Defaults < environment < option. Long options may be shortened while unambiguous, take
 * "--name value" or "--name=value"; short ones take "-n value", "-nvalue" and may be bundled; "--"
 * ends them; options and operands may be mixed (getopt_long(3)'s habits). The last one given
 * counts.
 *
 * An environment variable is read, and checked like the option, when its option is not given; an
 * empty one counts as unset. For a flag, any other text sets it (as for NO_COLOR).
 */
#ifndef TUBERIA_OPT_H
#define TUBERIA_OPT_H

#include "l0-base/buf.h"
#include "l0-base/err.h"
#include "l2-line/option.h"

#define TUBERIA_VERSION "0.1.0" /* what --version says */

/* Every command also has -h, --help; --version; and --completion=bash. These are answered by text.
 * Parses argv; operands (what is left) are moved to the front: (*operands)[0 .. *count).
 * Returns 0 to go on; 1 when `out` holds a text for stdout, after which the command exits 0;
 * -1 with ERR_USAGE (message names the option, and the nearest one for a misspelt one). */
int opt_parse(const struct opt_command *c, int argc, char **argv, char ***operands, size_t *count,
	      struct buf *out, struct err *err);

/* The first operand by this table, before argv is parsed; NULL when there is none. For a command
 * whose first operand decides which options it has: c is then the table of them all. */
const char *opt_first_operand(const struct opt_command *c, int argc, char **argv);

/* Free what OPT_LIST options hold. */
void opt_free(const struct opt_command *c);

#endif
