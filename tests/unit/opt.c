#include "l3-stream/opt.h"

#include <stdlib.h>

#include "check.h"

/* A table with one option of each kind, and names that are near each other. */
static int verbose, plain;
static const char *emit, *late, *store;
static int64_t jobs, lateness, delta;
static struct opt_list sums;

static const struct opt options[] = {
	{.kind = OPT_HEADING, .help = "Windows:"},
	{.kind = OPT_STRING,
	 .letter = 'e',
	 .name = "emit",
	 .to = &emit,
	 .choices = "final|delta",
	 .help = "when a window comes out, once it is closed or at every barrier what has changed "
		 "in it (default: final)",
	 .env = "T_EMIT"},
	{.kind = OPT_STRING,
	 .name = "late",
	 .argument = "FILE",
	 .to = &late,
	 .help = "for late records"},
	{.kind = OPT_DURATION,
	 .letter = 'l',
	 .name = "lateness",
	 .argument = "DURATION",
	 .to = &lateness,
	 .least = 1000,
	 .most = 3600000000,
	 .env = "T_LATENESS",
	 .help = "wait so long"},
	{.kind = OPT_HEADING, .help = "Others:"},
	{.kind = OPT_LIST,
	 .letter = 's',
	 .name = "sum",
	 .argument = "FIELD=NAME",
	 .to = &sums,
	 .help = "sum"},
	{.kind = OPT_INT,
	 .letter = 'j',
	 .name = "jobs",
	 .argument = "N",
	 .to = &jobs,
	 .least = 1,
	 .most = 64,
	 .env = "T_JOBS",
	 .help = "at once"},
	{.kind = OPT_INT, .name = "delta", .argument = "N", .to = &delta, .help = "any number"},
	{.kind = OPT_STRING,
	 .name = "a-rather-long-name-of-an-option",
	 .argument = "DIR",
	 .to = &store,
	 .help = "store"},
	{.kind = OPT_FLAG,
	 .letter = 'p',
	 .name = "plain",
	 .to = &plain,
	 .help = "plain",
	 .env = "T_PLAIN"},
	{.kind = OPT_FLAG,
	 .letter = 'v',
	 .name = "verbose",
	 .to = &verbose,
	 .help = "counters at the end"},
	{0}};

static const struct opt_command command = {
	.name = "window-agg",
	.purpose = "Tumbling windows over records.",
	.usage = "[--by FIELD,...] [--a-rather-long-name-of-an-option DIR] [options] < "
		 "records\n--show THING",
	.see_also = "The manual is window-agg(1).",
	.options = options};

static char **operands;
static size_t count;
static struct buf text;
static struct err err;

/* Parse words (ends with NULL) from the defaults. The answer of opt_parse. */
static int parse_words(const char **words)
{
	static char *argv[32];
	int argc = 0;

	verbose = plain = 0;
	emit = "final";
	late = store = NULL;
	jobs = 2;
	delta = 0;
	lateness = 5;
	opt_free(&command);
	buf_clear(&text);
	err = (struct err){0};
	argv[argc++] = "window-agg";
	while (*words != NULL)
		argv[argc++] = (char *)*words++;
	return opt_parse(&command, argc, argv, &operands, &count, &text, &err);
}

#define PARSE(...) parse_words((const char *[]){__VA_ARGS__, NULL})
static void refused(const char *expected, int answer)
{
	CHECK(answer == -1 && err.status == ERR_USAGE && strcmp(err.message, expected) == 0,
	      "refused: %s", err.message);
}

/* The words are refused, with this message. */
#define REFUSED(expected, ...) refused(expected, PARSE(__VA_ARGS__))

static void forms(void)
{
	CHECK(parse_words((const char *[]){NULL}) == 0 && count == 0 && jobs == 2,
	      "no words: defaults");
	CHECK(PARSE("--late", "x", "--emit=delta") == 0 && strcmp(late, "x") == 0 &&
		      strcmp(emit, "delta") == 0,
	      "--name value and --name=value");
	CHECK(PARSE("--late=") == 0 && late[0] == '\0', "an empty value is a value");
	CHECK(PARSE("--late=a=b") == 0 && strcmp(late, "a=b") == 0, "'=' within a value");
	CHECK(PARSE("-j", "3", "-l2s") == 0 && jobs == 3 && lateness == 2000000,
	      "-n value and -nvalue");
	CHECK(PARSE("-pvj4") == 0 && plain && verbose && jobs == 4, "letters bundled");
	CHECK(PARSE("--verb") == 0 && verbose, "a name shortened");
	CHECK(PARSE("--late", "f") == 0 && late != NULL, "an exact name wins over a longer one");
	CHECK(PARSE("-j3", "-j", "5") == 0 && jobs == 5, "the last one counts");
	CHECK(PARSE("-s", "a=b", "--sum=c=d", "-se") == 0 && sums.count == 3 &&
		      strcmp(sums.items[0], "a=b") == 0 && strcmp(sums.items[2], "e") == 0,
	      "a list keeps all, in order");
	CHECK(PARSE("--delta", "-5") == 0 && delta == -5, "a value that begins with a dash");
	CHECK(PARSE("--delta=-9223372036854775808") == 0 && delta == INT64_MIN,
	      "the least integer");
	CHECK(PARSE("one", "-v", "-", "--", "-j", "--x") == 0 && verbose && count == 4 &&
		      strcmp(operands[0], "one") == 0 && strcmp(operands[1], "-") == 0 &&
		      strcmp(operands[2], "-j") == 0 && strcmp(operands[3], "--x") == 0,
	      "operands anywhere, '-' is one, all behind '--' are");
}

static void refusals(void)
{
	REFUSED("unknown option --lateness-s; did you mean --lateness?", "--lateness-s", "1s");
	REFUSED("unknown option --latenes_; did you mean --lateness?", "--latenes_=1s");
	REFUSED("unknown option --vrebose; did you mean --verbose?", "--vrebose");
	REFUSED("unknown option --Emit; did you mean --emit?", "--Emit");
	REFUSED("unknown option --hlep; did you mean --help?", "--hlep");
	REFUSED("unknown option --colour; see --help", "--colour");
	REFUSED("unknown option --esc\\x1b[31m; see --help", "--esc\x1b[31m");
	REFUSED("unknown option -x; see --help", "-x");
	REFUSED("unknown option -x in -vx; see --help", "-vx");
	REFUSED("unknown option -delta; did you mean --delta?", "-delta");
	REFUSED("unknown option -\xc3\xa9; see --help", "-\xc3\xa9");
	REFUSED("--l is ambiguous: --late, --lateness", "--l=1");
	REFUSED("--late: its argument is missing (FILE)", "--late");
	REFUSED("--jobs: its argument is missing (N)", "-vj");
	REFUSED("--emit: its argument is missing (final|delta)", "--em");
	REFUSED("--verbose: takes no argument", "--verbose=1");
	REFUSED("--emit: \"finel\": must be final or delta", "--emit=finel");
	REFUSED("--emit: \"final|delta\": must be final or delta", "--emit=final|delta");
	REFUSED("--emit: \"\": must be final or delta", "--emit=");
	REFUSED("--jobs: \"0\": must be from 1 to 64", "--jobs=0");
	REFUSED("--jobs: \"65\": must be from 1 to 64", "-j65");
	REFUSED("--jobs: \"\": not a whole number", "--jobs=");
	REFUSED("--jobs: \"+1\": not a whole number", "--jobs=+1");
	REFUSED("--jobs: \" 1\": not a whole number", "--jobs= 1");
	REFUSED("--jobs: \"1x\": not a whole number", "--jobs=1x");
	REFUSED("--jobs: \"-\": not a whole number", "--jobs=-");
	REFUSED("--delta: \"9223372036854775808\": number too large",
		"--delta=9223372036854775808");
	REFUSED("--lateness: \"10\": not a duration, such as 250ms, 10s, 5m or 1h30m", "-l10");
	REFUSED("--lateness: \"2h\": must be from 1ms to 1h", "--lateness=2h");
	REFUSED("--completion: \"zsh\": must be bash", "--completion=zsh");
}

static void environment(void)
{
	setenv("T_JOBS", "7", 1);
	setenv("T_PLAIN", "0", 1);
	CHECK(PARSE("-v") == 0 && jobs == 7 && plain,
	      "environment over default; any text sets a flag");
	CHECK(PARSE("-j8") == 0 && jobs == 8, "option over environment");
	setenv("T_JOBS", "", 1);
	setenv("T_PLAIN", "", 1);
	CHECK(PARSE("-v") == 0 && jobs == 2 && !plain, "an empty variable is unset");
	setenv("T_JOBS", "many", 1);
	REFUSED("T_JOBS: \"many\": not a whole number", "-v");
	CHECK(PARSE("-j8") == 0, "a bad variable that the option overrides is not looked at");
	setenv("T_JOBS", "99", 1);
	REFUSED("T_JOBS: \"99\": must be from 1 to 64", "-v");
	CHECK(PARSE("--help") == 1, "help in spite of a bad variable");
	unsetenv("T_JOBS");
	setenv("T_EMIT", "now", 1);
	REFUSED("T_EMIT: \"now\": must be final or delta", "-v");
	setenv("T_EMIT", "delta", 1);
	CHECK(PARSE("-v") == 0 && strcmp(emit, "delta") == 0, "a choice by environment");
	unsetenv("T_EMIT");
	setenv("T_LATENESS", "5", 1);
	REFUSED("T_LATENESS: \"5\": not a duration, such as 250ms, 10s, 5m or 1h30m", "-v");
	unsetenv("T_LATENESS");
}

static void texts(void)
{
	static const char help[] =
		"Usage: window-agg [--by FIELD,...] [--a-rather-long-name-of-an-option DIR]\n"
		"                  [options] < records\n"
		"       window-agg --show THING\n"
		"\n"
		"Tumbling windows over records.\n"
		"\n"
		"Windows:\n"
		"  -e, --emit final|delta   when a window comes out, once it is closed or at\n"
		"                           every barrier what has changed in it (default: final)\n"
		"                           [$T_EMIT]\n"
		"      --late FILE          for late records\n"
		"  -l, --lateness DURATION  wait so long [$T_LATENESS]\n"
		"\n"
		"Others:\n"
		"  -s, --sum FIELD=NAME     sum\n"
		"  -j, --jobs N             at once [$T_JOBS]\n"
		"      --delta N            any number\n"
		"      --a-rather-long-name-of-an-option DIR\n"
		"                           store\n"
		"  -p, --plain              plain [$T_PLAIN]\n"
		"  -v, --verbose            counters at the end\n"
		"\n"
		"  -h, --help               show this help\n"
		"      --version            show name and version\n"
		"      --completion bash    print a completion function for that shell\n"
		"\n"
		"The manual is window-agg(1).\n";

	CHECK(PARSE("-vh", "--nonsense") == 1 && strcmp(buf_text(&text), help) == 0, "--help");
	CHECK(PARSE("--version") == 1 &&
		      strcmp(buf_text(&text), "window-agg (Tubería) " TUBERIA_VERSION "\n") == 0,
	      "--version");
	CHECK(PARSE("--nonsense", "--help") == -1, "a wrong option before --help is told");
}

/* The first operand of these words is `expected`, or there is none. */
static int first_is(const char *expected, const char **words)
{
	char *argv[32] = {(char *)"window-agg"};
	const char *first;
	int argc = 1;

	while (*words != NULL)
		argv[argc++] = (char *)*words++;
	first = opt_first_operand(&command, argc, argv);
	return expected == NULL ? first == NULL : first != NULL && strcmp(first, expected) == 0;
}

#define FIRST(expected, ...) first_is(expected, (const char *[]){__VA_ARGS__, NULL})

static void first_operand(void)
{
	CHECK(first_is(NULL, (const char *[]){NULL}) && FIRST(NULL, "-v", "--late", "x"),
	      "no first operand");
	CHECK(FIRST("top", "top", "-j", "3") && FIRST("top", "-v", "top", "x"),
	      "the first of all words, or behind a flag");
	CHECK(FIRST("top", "--late", "x", "top") && FIRST("top", "--late=x", "top") &&
		      FIRST("top", "-j", "3", "top") && FIRST("top", "-j3", "top") &&
		      FIRST("top", "-pvj", "3", "top") && FIRST("top", "--lateness", "1s", "top"),
	      "behind an option's argument");
	CHECK(FIRST("bash", "--help", "bash") && FIRST(NULL, "--completion", "bash"),
	      "options that every command has");
	CHECK(FIRST("-x", "-v", "--", "-x") && FIRST(NULL, "--") && FIRST("-", "-"),
	      "behind \"--\", and \"-\"");
	CHECK(FIRST("x", "--nonsense", "x") && FIRST("x", "-z", "x"), "behind what is no option");
}

static void completion(void)
{
	struct opt_command with = command;

	option_put_completion(&text, &with);
	CHECK(strstr(buf_text(&text), "compgen -f -- \"$cur\")\n\tfi\n") != NULL,
	      "completion offers files as operands");
	buf_clear(&text);
	with.words = "top|serie";
	option_put_completion(&text, &with);
	CHECK(strstr(buf_text(&text), "compgen -W 'top serie ' -- \"$cur\")\n\tfi\n") != NULL,
	      "or these words");
}

int main(void)
{
	first_operand();
	completion();
	forms();
	refusals();
	environment();
	texts();
	opt_free(&command);
	buf_free(&text);
	return check_done();
}
