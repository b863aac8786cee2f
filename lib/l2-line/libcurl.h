/* libcurl.h - layer 2: libcurl, loaded when it is needed. The only user of curl.h, which comes with
 * it; its functions are called through the table: curl.easy_init().
 *
 * Merely linked, libcurl and the 30 libraries behind it cost every start of a tool 6 ms; most
 * starts need no network, and a look-up in the store is done in half that time.
 */
#ifndef TUBERIA_LIBCURL_H
#define TUBERIA_LIBCURL_H

#include <curl/curl.h>

#include "l0-base/err.h"

/* What is used of it. The header's types are kept, so that the compiler still finds a wrong call;
 * its macros would hide them. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define LIBCURL_FUNCTIONS(F)   \
	F(global_init)         \
	F(easy_init)           \
	F(easy_reset)          \
	F(easy_setopt)         \
	F(easy_getinfo)        \
	F(easy_strerror)       \
	F(easy_cleanup)        \
	F(multi_init)          \
	F(multi_setopt)        \
	F(multi_add_handle)    \
	F(multi_remove_handle) \
	F(multi_assign)        \
	F(multi_socket_action) \
	F(multi_info_read)     \
	F(multi_strerror)      \
	F(multi_cleanup)       \
	F(slist_append)        \
	F(slist_free_all)

#define LIBCURL_MEMBER(name) __typeof__(&curl_##name) name; // NOLINT(bugprone-macro-parentheses)
struct libcurl {
	LIBCURL_FUNCTIONS(LIBCURL_MEMBER)
};
#undef LIBCURL_MEMBER

extern struct libcurl curl;

/* Load it and fill the table, once. Returns 0; or -1 with ERR_CONFIG, the message naming the
 * package that is missing, or ERR_TEMP. */
int libcurl_load(struct err *err);

#endif
