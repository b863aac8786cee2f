/* file.h - layer 0: whole small files, replaced atomically. */
#ifndef TUBERIA_FILE_H
#define TUBERIA_FILE_H

#include "l0-base/buf.h"
#include "l0-base/err.h"

/* Replace the file at path by these bytes: temporary file beside it, fsync, rename, fsync of the
 * directory; a reader sees the old bytes or the new ones, and so does the next boot.
 * mode: permission bits of the new file, whatever the umask. A symbolic link is followed; what is
 * no regular file is refused. Returns 0, or -1 with ERR_CREATE, ERR_IO, or ERR_TEMP (disk full);
 * the old file is then as it was, and no temporary one stays behind. Nor does one when the
 * process is killed, but for the instant between linkat(2) and rename(2), and on file systems
 * without O_TMPFILE. Source: open(2), rename(2), fsync(2). */
int file_replace(const char *path, struct slice bytes, unsigned mode, struct err *err);

/* Append the whole file to *out; at most limit bytes. Returns 1, 0 when there is no such file, or
 * -1 with ERR_IO or ERR_DATA (larger than limit). */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err);

#endif
