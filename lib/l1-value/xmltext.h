/* xmltext.h - layer 1: the XML that services of AWS answer with, as a stream of events.
 *
 * Elements and text; declarations, comments and attributes are passed over, CDATA is text, and a
 * document type is refused, so no entity but the five of XML itself is ever expanded.
 */
#ifndef TUBERIA_XMLTEXT_H
#define TUBERIA_XMLTEXT_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

#define XMLTEXT_DEPTH_MAX 32

enum xmltext_event {
	XMLTEXT_END,  /* the document ends, and all its elements were closed */
	XMLTEXT_OPEN, /* name: the element that begins */
	XMLTEXT_TEXT, /* text: characters, references resolved; may come in several pieces */
	XMLTEXT_CLOSE /* name: the element that ends */
};

struct xmltext {
	struct slice name, text; /* text is valid until the next call */
	unsigned depth;          /* elements open behind the event */

	/* the module's own */
	const char *start, *at, *end;
	struct slice open[XMLTEXT_DEPTH_MAX];
	int closing, seen;
	struct buf resolved;
};

/* Start on a document, which must stay; x: {0} at first. xmltext_free resets to {0}. */
void xmltext_begin(struct xmltext *x, struct slice document);
void xmltext_free(struct xmltext *x);

/* The next event, or -1 with ERR_DATA (err.byte: where in the document) or ERR_TEMP. */
int xmltext_next(struct xmltext *x, struct err *err);

/* Append the text of the first element at this path from the root, "Error/Code"; "*" stands for any
 * name. Returns 1; 0 when there is none; -1 when the document is no XML, or out of memory. */
int xmltext_find(struct slice document, const char *path, struct buf *out);

#endif
