#include "l2-line/apirequest.h"

#include "check.h"

static struct apirequest r;
static struct apirefusal why;

/* Read a target with GET. Returns the status: 200, or why not. */
static int get(const char *base, const char *uri)
{
	apirequest_clear(&r);
	why = (struct apirefusal){200, ""};
	apirequest_variable(&r, slice_of("REQUEST_METHOD"), slice_of("GET"));
	apirequest_variable(&r, slice_of("REQUEST_URI"), slice_of(uri));
	if (apirequest_target(&r, slice_of(base), &why) == 0)
		apirequest_parameters(&r, &why);
	return why.status;
}

#define GIVES(uri, status) CHECK(get("", uri) == (status), "%d %s", status, #uri)

static void addresses(void)
{
	static const struct {
		const char *uri;
		enum apirequest_route route;
	} good[] = {
		{"/", API_PAGE},
		{"/?", API_PAGE},
		{"/page.css", API_STYLE},
		{"/page.js", API_SCRIPT},
		{"/health", API_HEALTH},
		{"/openapi.json", API_OPENAPI},
		{"/metricas/cliente/0", API_CLIENTE},
		{"/metricas/producto/0", API_PRODUCTO},
		{"/m%65tricas/cliente/4%32", API_CLIENTE},
	};
	static const char *const missing[] = {
		"//",
		"/metricas",
		"/metricas/",
		"/metricas/cliente",
		"/metricas/cliente/",
		"/metricas/cliente//",
		"/metricas/cliente/42/",
		"/metricas//cliente/42",
		"//metricas/cliente/42",
		"/metricas/cliente/42/x",
		"/metricas/cliente/../cliente/42",
		"/x/../metricas/cliente/42",
		"/metricas/cliente/%2e%2e",
		"/metricas/producto/..",
		"/metricas/producto/.",
		"/metricas/producto/%2E",
		"/metricas/producto/a%2Fb",
		"/metricas/producto/a%2fb",
		"/metricas%2Fcliente%2F42",
		"/metricas/producto/a;b",
		"/metricas/cliente/42;x=1",
		"/;/metricas/cliente/42",
		"/Metricas/cliente/42",
		"/metricas/clientes/42",
		"/health/",
		"/health.json",
		"/index.html",
		"/page.css/",
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(get("", good[i].uri) == 200 && r.route == good[i].route, "200 %s",
		      good[i].uri);
	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		CHECK(get("", missing[i]) == 404 && r.route == API_UNKNOWN, "404 %s", missing[i]);
	CHECK(get("/api", "/api/metricas/cliente/42") == 200 && slice_is(r.cliente_id, "42"),
	      "behind a base");
	CHECK(get("/api", "/metricas/cliente/42") == 404 && get("/api", "/apimetricas/42") == 404 &&
		      get("/api", "/api") == 404 && get("/api", "/api/") == 200,
	      "and there alone");
}

static void encodings(void)
{
	GIVES("/metricas/producto/%", 400);
	GIVES("/metricas/producto/%4", 400);
	GIVES("/metricas/producto/%4g", 400);
	GIVES("/metricas/producto/%G4", 400);
	GIVES("/metricas/producto/a%00", 400);
	GIVES("/metricas/producto/a%0d%0aX: y", 400);
	GIVES("/metricas/producto/a%0d%0aX:%20y", 400);
	GIVES("/metricas/producto/a%1f", 400);
	GIVES("/metricas/producto/a%7f", 400);
	GIVES("/metricas/producto/a%c2%85", 400);
	GIVES("/metricas/producto/a\tb", 400);
	GIVES("/metricas/producto/a b", 400);
	GIVES("/metricas/producto/a\\b", 400);
	GIVES("/metricas/producto/a#b", 400);
	GIVES("/metricas/producto/a\"b", 400);
	GIVES("/metricas/producto/%ff", 400);
	GIVES("/metricas/producto/%c0%af", 400);
	GIVES("/metricas/producto/%e0%80%af", 400);
	GIVES("/metricas/producto/%ed%a0%80", 400);
	GIVES("/metricas/producto/%f4%90%80%80", 400);
	GIVES("/metricas/producto/\xff", 400);
	GIVES("/no/such/place/%zz", 400);
	GIVES("/no/such/place/%00", 400);
	CHECK(get("", "/metricas/producto/caf%C3%A9%20%2b%25+%3B%23*") == 200 &&
		      slice_is(r.producto, "caf\xc3\xa9 +%+;#*"),
	      "a name with all kinds of characters");
	CHECK(get("", "/metricas/producto/\xc3\xb1") == 200 && slice_is(r.producto, "\xc3\xb1"),
	      "typed as it is");
	CHECK(get("", "/metricas/cliente/1?producto=a+b%2Bc%2F..%26%3D") == 200 &&
		      slice_is(r.producto, "a b+c/..&="),
	      "in a query, '+' is a space, and a slash is a slash");
}

static void parameters(void)
{
	char uri[APIREQUEST_TARGET_MOST + 2];

	GIVES("/metricas/cliente/999999999999999999", 200);
	GIVES("/metricas/cliente/1000000000000000000", 400);
	GIVES("/metricas/cliente/007", 400);
	GIVES("/metricas/cliente/00", 400);
	GIVES("/metricas/cliente/+42", 400);
	GIVES("/metricas/cliente/-42", 400);
	GIVES("/metricas/cliente/%2042", 400);
	GIVES("/metricas/cliente/42%20", 400);
	GIVES("/metricas/cliente/4.2", 400);
	GIVES("/metricas/cliente/1e3", 400);
	GIVES("/metricas/cliente/0x2a", 400);
	GIVES("/metricas/cliente/%D9%A4%D9%A2", 400);
	GIVES("/metricas/cliente/*", 400);
	GIVES("/metricas/cliente/42?fecha=2024-02-29", 200);
	GIVES("/metricas/cliente/42?fecha=2023-02-29", 400);
	GIVES("/metricas/cliente/42?fecha=2024-02-30", 400);
	GIVES("/metricas/cliente/42?fecha=2024-2-3", 400);
	GIVES("/metricas/cliente/42?fecha=2024-02-03T00:00:00", 400);
	GIVES("/metricas/cliente/42?fecha=2024-02-03Z", 400);
	GIVES("/metricas/cliente/42?fecha=20240203", 400);
	GIVES("/metricas/cliente/42?fecha=hoy", 400);
	GIVES("/metricas/cliente/42?fecha=", 400);
	GIVES("/metricas/cliente/42?fecha", 400);
	GIVES("/metricas/cliente/42?f%65cha=2024-02-29", 200);
	GIVES("/metricas/cliente/42?fecha=2024-02-29&fecha=2024-02-29", 400);
	GIVES("/metricas/cliente/42?producto=a&producto=b", 400);
	GIVES("/metricas/cliente/42?producto=", 400);
	GIVES("/metricas/cliente/42?producto=a&", 400);
	GIVES("/metricas/cliente/42?&producto=a", 400);
	GIVES("/metricas/cliente/42?&", 400);
	GIVES("/metricas/cliente/42?=a", 400);
	GIVES("/metricas/cliente/42?Fecha=2024-02-29", 400);
	GIVES("/metricas/cliente/42?cliente_id=1", 400);
	GIVES("/metricas/cliente/42?producto[]=a", 400);
	GIVES("/metricas/cliente/42?producto=a%00", 400);
	GIVES("/metricas/producto/a?producto=b", 400);
	GIVES("/health?x=1", 400);
	GIVES("/?x=1", 400);
	memset(uri, 'a', sizeof uri);
	memcpy(uri, "/metricas/producto/", strlen("/metricas/producto/"));
	uri[strlen("/metricas/producto/") + APIREQUEST_NAME_MOST] = '\0';
	CHECK(get("", uri) == 200, "a name of 256 bytes");
	uri[strlen(uri)] = 'a';
	uri[strlen("/metricas/producto/") + APIREQUEST_NAME_MOST + 1] = '\0';
	CHECK(get("", uri) == 400, "and one of 257");
	memset(uri, 'a', sizeof uri - 1);
	uri[0] = '/';
	uri[sizeof uri - 1] = '\0';
	CHECK(get("", uri) == 414, "an address that is too long");
}

static void variables(void)
{
	apirequest_clear(&r);
	apirequest_variable(&r, slice_of("REQUEST_METHOD"), slice_of("HEAD"));
	apirequest_variable(&r, slice_of("PATH_INFO"), slice_of("/metricas/producto/a?b%\xc3\xb1"));
	apirequest_variable(&r, slice_of("QUERY_STRING"), slice_of("fecha=2024-02-29"));
	CHECK(apirequest_target(&r, slice_of(""), &why) == 0 &&
		      apirequest_parameters(&r, &why) == 0 && r.method == API_HEAD &&
		      slice_is(r.producto, "a?b%\xc3\xb1") && slice_is(r.fecha, "2024-02-29"),
	      "without REQUEST_URI: PATH_INFO and QUERY_STRING");
	apirequest_clear(&r);
	CHECK(apirequest_target(&r, slice_of(""), &why) == -1 && why.status == 400,
	      "nothing at all");
	apirequest_clear(&r);
	apirequest_variable(&r, slice_of("REQUEST_METHOD"), slice_of("OPTIONS"));
	apirequest_variable(&r, slice_of("REQUEST_URI"), slice_of("*"));
	CHECK(apirequest_target(&r, slice_of(""), &why) == 0 && r.route == API_SERVER, "OPTIONS *");
	apirequest_clear(&r);
	apirequest_variable(&r, slice_of("REQUEST_METHOD"), slice_of("get"));
	apirequest_variable(&r, slice_of("REQUEST_URI"), slice_of("/health"));
	apirequest_variable(&r, slice_of("HTTP_X_API_KEY"), slice_of("a"));
	apirequest_variable(&r, slice_of("HTTP_X_API_KEY"), slice_of("a"));
	CHECK(apirequest_target(&r, slice_of(""), &why) == 0 && r.method == API_OTHER &&
		      r.keys == 2,
	      "methods have capital letters; headers are counted");
	apirequest_clear(&r);
	CHECK(r.keys == 0 && r.uri.at == NULL, "nothing is left for the next one");
}

static int has(const char *header, const char *second)
{
	apirequest_clear(&r);
	apirequest_variable(&r, slice_of("HTTP_IF_NONE_MATCH"), slice_of(header));
	if (second != NULL)
		apirequest_variable(&r, slice_of("HTTP_IF_NONE_MATCH"), slice_of(second));
	return apirequest_has_tag(&r, slice_of("\"abc\""));
}

static void tags(void)
{
	CHECK(has("\"abc\"", NULL) && has("W/\"abc\"", NULL) && has("*", NULL) && has(" * ", NULL),
	      "the tag, weak or strong, or any");
	CHECK(has("\"x\", \"abc\"", NULL) && has(",, W/\"x\" ,\t\"abc\",", NULL) &&
		      has("\"x\"", "\"abc\""),
	      "in a list; in two headers");
	CHECK(!has("", NULL) && !has("abc", NULL) && !has("\"ab\"", NULL) &&
		      !has("\"abcd\"", NULL) && !has("\"abc", NULL) && !has("w/\"abc\"", NULL) &&
		      !has("\"*\"", NULL) && !has("*, \"x\"", NULL) && !has("\"a,\"abc\"", NULL) &&
		      !has("\"x\"\"abc\"", NULL) && !has("xx\"abc\"", NULL),
	      "tokens, not substrings; a list that is none has nothing");
}

int main(void)
{
	addresses();
	encodings();
	parameters();
	variables();
	tags();
	apirequest_free(&r);
	return check_done();
}
