#include "l2-line/libcurl.h"

#include <dlfcn.h>

struct libcurl curl;

int libcurl_load(struct err *err)
{
	static void *library;
	static const struct {
		const char *name;
		void *to; /* a pointer to a function */
	} wanted[] = {
#define WANTED(name) {"curl_" #name, &curl.name},
		LIBCURL_FUNCTIONS(WANTED)};
	void *loaded;

	if (library != NULL)
		return 0;
	loaded = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (loaded == NULL)
		return err_set(err, ERR_CONFIG,
			       "this needs libcurl (Debian: apt install libcurl4): %s", dlerror());
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		void *found = dlsym(loaded, wanted[i].name);

		if (found == NULL) {
			err_set(err, ERR_CONFIG, "libcurl.so.4 has no %s: too old", wanted[i].name);
			dlclose(loaded);
			return -1;
		}
		*(void **)wanted[i].to = found;
	}
	if (curl.global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
		dlclose(loaded);
		return err_set(err, ERR_TEMP, "libcurl cannot be started");
	}
	library = loaded;
	return 0;
}
