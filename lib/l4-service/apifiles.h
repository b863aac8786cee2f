/* apifiles.h - layer 4: files that are part of the program: those of the directory apifiles.
 */
#ifndef TUBERIA_APIFILES_H
#define TUBERIA_APIFILES_H

#include "l0-base/buf.h"
#include "l2-line/apirequest.h"

/* What the API has to say at this address. Returns 0, or -1 when it is no file. */
int apifiles_get(enum apirequest_route route, struct slice *content, const char **type);

#endif
