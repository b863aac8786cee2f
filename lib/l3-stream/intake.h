/* intake.h - layer 3: the input side that every filter shares: lines, fields, control records,
 * rejects.
 *
 * Bad input is treated the same by every tool: without a rejects file it ends the run with
 * ERR_DATA, naming line and byte; with one, the line goes there whole with its reason, is counted,
 * and the tool goes on. A line of the rejects file is: place and reason, a tab, the line as it was
 * ("<stdin>:42: byte 17: monto: not a decimal\t{…}"), so that `cut -f2-` gives the lines back.
 */
#ifndef TUBERIA_INTAKE_H
#define TUBERIA_INTAKE_H

#include "l0-base/err.h"
#include "l2-line/reader.h"
#include "l2-line/scan.h"
#include "l2-line/writer.h"
#include "l3-stream/control.h"

enum intake_event {
	INTAKE_END = 0,     /* end of input; see ended, stopped */
	INTAKE_RECORD = 1,  /* in->line, in->value[] */
	INTAKE_BARRIER = 2, /* in->barrier; in->line is its line */
	INTAKE_FINISH = 3,  /* "@end": in->end_records */
	INTAKE_OTHER = 4    /* a control record this project does not know: forward in->line */
};

struct intake {
	/* set by the caller before intake_open */
	int fd;                    /* usually 0 */
	const char *name;          /* for messages: "<stdin>" */
	const char *const *fields; /* as for scan_new */
	size_t field_count;
	const char *rejects;               /* path of the rejects file (appended to), or NULL */
	struct writer *output;             /* flushed before each wait for input; or NULL */
	const volatile sig_atomic_t *stop; /* ends the input when it becomes non-zero
					      (&tool_stop); or NULL */
	const sigset_t *wait_mask;         /* signal mask while waiting (tool_wait_mask()) */
	/* Called before each wait for input, or NULL. Returns as that of reader_on_wait; -1 ends
	 * the run. */
	int (*on_wait)(void *context, struct err *err);
	void *wait_context;

	/* set by intake_next */
	struct slice line;
	struct scan_value value[SCAN_FIELDS_MAX];
	struct barrier barrier;
	uint64_t end_records;
	int ended;      /* "@end" was seen */
	int controlled; /* a barrier was seen: the end without "@end" means that something died
			   upstream */
	int stopped;    /* input was ended by a signal */
	uint64_t records, rejected; /* data lines read; those of them rejected */

	struct intake_state *state; /* the module's own */
};

/* *in must stay where it is until intake_close. Returns 0, or -1 with ERR_CREATE (rejects file),
 * ERR_USAGE (fields), ERR_TEMP. */
int intake_open(struct intake *in, struct err *err);
void intake_close(struct intake *in);

/* The next event; empty lines are bad records, as are lines behind "@end". Returns an enum
 * intake_event, or -1 with *err, its message already naming name, line and byte. ERR_TEMP also when
 * the input ends inside a line of a controlled stream, or of a control record: its writer died. A
 * broken control record is ERR_DATA even with a rejects file: without it, epochs would merge. At
 * the end of input, the rejects are made durable. */
int intake_next(struct intake *in, struct err *err);

/* What a filter does with each event, before the next one is read. Returns 0, or -1 with *err,
 * which ends the run; NULL: the event is passed over. */
struct intake_handlers {
	int (*record)(void *context, struct err *err);
	int (*barrier)(void *context, struct err *err);
	int (*finish)(void *context, struct err *err);
	int (*other)(void *context, struct err *err);
	int (*end)(void *context, struct err *err); /* its result is that of the run */
};

/* Read all there is. Returns 0, or -1 with *err: of intake_next, or of a handler. */
int intake_run(struct intake *in, const struct intake_handlers *h, void *context, struct err *err);

/* The input has ended without "@end", and should not have: *err says so. Returns -1. */
int intake_cut_off(const struct intake *in, struct err *err);

/* The record just given is bad for the reason in *why (byte: of the line, or 0). Returns 0 when it
 * went to the rejects file, or -1 with *err as from intake_next. A *why other than ERR_DATA (out of
 * memory) is no fault of the record: it ends the run. */
int intake_reject(struct intake *in, const struct err *why, struct err *err);

/* Make the rejects written so far durable: call before acknowledging or forwarding a barrier. */
int intake_flush_rejects(struct intake *in, struct err *err);

/* Fields, checked; -1 sets *why for intake_reject ("monto: missing", "monto: null", "not a
 * decimal"). */
struct decimal;
struct timestamp;
struct zone;
int intake_decimal(const struct intake *in, size_t field, struct decimal *d, struct err *why);
int intake_timestamp(const struct intake *in, size_t field, struct zone *z, struct timestamp *t,
		     struct err *why);
int intake_int64(const struct intake *in, size_t field, int64_t *n, struct err *why);

#endif
