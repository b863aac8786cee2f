#include "l4-service/apifiles.h"

/* The assembler reads them: no tool is needed, and the compiler sees none of it. */
#define DIRECTORY "lib/l4-service/apifiles/"
#define EMBED(name, file)                                                                          \
	__asm__(".pushsection .rodata\n" name ":\n.incbin \"" DIRECTORY file "\"\n" name "_end:\n" \
		".popsection\n")

#define HERE __attribute__((visibility("hidden")))

extern const char api_page[] HERE, api_page_end[] HERE;
extern const char api_style[] HERE, api_style_end[] HERE;
extern const char api_script[] HERE, api_script_end[] HERE;
extern const char api_openapi[] HERE, api_openapi_end[] HERE;

EMBED("api_page", "page.html");
EMBED("api_style", "page.css");
EMBED("api_script", "page.js");
EMBED("api_openapi", "openapi.json");

static struct slice between(const char *from, const char *to)
{
	return (struct slice){from, (size_t)(to - from)};
}

int apifiles_get(enum apirequest_route route, struct slice *content, const char **type)
{
	switch (route) {
	case API_PAGE:
		*content = between(api_page, api_page_end);
		*type = "text/html; charset=utf-8";
		return 0;
	case API_STYLE:
		*content = between(api_style, api_style_end);
		*type = "text/css; charset=utf-8";
		return 0;
	case API_SCRIPT:
		*content = between(api_script, api_script_end);
		*type = "text/javascript; charset=utf-8";
		return 0;
	case API_OPENAPI:
		*content = between(api_openapi, api_openapi_end);
		*type = "application/json";
		return 0;
	default:
		return -1;
	}
}
