"""_hostile.py PORT KEY LIMITED WORK: requests that mean no good, over TLS to nginx; see hostile.sh.

Prints a line of TAP's diagnostics for each that is not answered as it must be, and at the end how many there were.
"""

import json
import re
import socket
import ssl
import sys

port, key, limited, work = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

C, P = "/metricas/cliente/", "/metricas/producto/"
long_name = "a" * 257
cases = []  # (what is sent in front of the headers, headers, statuses that are right)


def get(target, *statuses, headers=(), method="GET", with_key=True, key_text=None):
    lines = ["Host: x"] + ([f"X-API-Key: {key_text or key}"] if with_key else []) + list(headers)
    cases.append((f"{method} {target} HTTP/1.1", lines, statuses))


# Customers: digits, no more than 18, no leading zero.
for bad in ("+42 -42 007 00 %2042 42%20 %0942 4.2 4,2 1e3 0x2a 0b1 1_000 NaN Infinity null true -0 42a a42 "
            "%D9%A4%D9%A2 %EF%BC%94%EF%BC%92 %E2%85%A3 42%C2%A0 %E2%80%8B42 4%202 1000000000000000000 "
            "99999999999999999999999999999999999999999 * %2A %23 # 42%23 17850%2385123A '42' (42) [42] {42} "
            "%7B42%7D $42 %2442 @42 42; 42%27--  42%27%20OR%201=1-- 17850%20UNION%20SELECT%201 "
            "%25 %2525 ${jndi:ldap://x} %24%7Bjndi:ldap://x%7D {{7*7}} %3Cscript%3E <script>").split():
    right = (404,) if ";" in bad and "%3" not in bad else (404,) if "/" in bad else (400,)
    get(C + bad, *right, *((400,) if right == (404,) else ()))
# Products: any name, but clean UTF-8 within 256 bytes; what is not there is not there.
for name in ("%27%3B%20DROP%20TABLE%20metricas%3B-- %27%20OR%20%271%27=%271 %22%20OR%201=1-- a%27b a%22b a%5Cb %2A %23 %25 "
             "..%5C..%5Cetc%5Cpasswd file:%5C%5C%5Cetc C: %24(id) %60id%60 %7Cid a%3Bb %3Cscript%3Ealert(1)%3C%2Fscript%3E "
             "%E2%80%AE %F0%9F%92%A9 %EF%BF%BF %EF%BB%BF85123A 85123a 85123A%20 %2085123A 85123%41x *#*#* sqlite_master "
             "../../etc/passwd%20 checkpoint 0 -1 NaN null undefined __proto__ constructor").split():
    get(P + name, 404, *((400,) if "#" in name else ()))
get(P + "a" * 256, 404)
get(P + long_name, 400)
get(C + "1?producto=" + long_name, 400)
# Encodings.
for bad in ("% %4 %4g %G4 %%41 %u0041 %-1 %+1 a%00 %00a a%00.json %01 %0a %0d %0d%0aSet-Cookie:%20x=1 %1b[31m %7f %c2%80 %c2%9b31m "
            "%ff %fe%ff %c0%af %c1%81 %c0%80 %e0%80%af %e0%80%80 %ed%a0%80 %ed%bf%bf %ed%a0%bd%ed%b2%a9 %f0%80%80%af %f4%90%80%80 "
            "%f8%88%80%80%80 %80 %bf %c3 %e2%82 %c3%28 \\ ^ ` | \" < >").split():
    get(P + bad, 400)
    get(C + "1?producto=" + bad, 400)
get(P + "\xc3\xb1", 404)
get(P + "\xff", 400)
get(P + "\xc0\xaf", 400)
get(P + "a\tb", 400)
get(P + "a\x01b", 400)
# Addresses: there is one form of each.
for path in ("// /metricas /metricas/ /metricas//cliente/42 //metricas/cliente/42 /metricas/cliente /metricas/cliente/ "
             "/metricas/cliente/42/ /metricas/cliente/42// /metricas/cliente/42/43 /metricas/cliente/42/. /metricas/./cliente/42 "
             "/./metricas/cliente/42 /metricas/x/../cliente/42 /metricas/cliente/../../etc/passwd /metricas/cliente/%2e%2e "
             "/metricas/cliente/%2e%2e/%2e%2e/etc/passwd /metricas/cliente/%2e /metricas/cliente/..%2f..%2fetc%2fpasswd "
             "/metricas/producto/a%2Fb /metricas/producto/a%2fb /metricas%2Fcliente%2F42 /%2e/health /health/ /health// /health/. "
             "/health;x /health;/ /;/health /metricas;x/cliente/42 /metricas/cliente;/42 /metricas/cliente/42;jsessionid=1 "
             "/Metricas/cliente/42 /METRICAS/CLIENTE/42 /metrica/cliente/42 /metricas/clientes/42 /metricas/customer/42 /index.html "
             "/index.php /.git/config /.env /admin /api /api/metricas/cliente/42 /cgi-bin/metrics-cgi /server-status /robots.txt "
             "/favicon.ico /page.html /page.css/ /page.css.map /openapi.yaml /openapi.json/ /docs /swagger /health.json /m.db "
             "/store/m.db /etc/passwd /proc/self/environ /metricas/cliente/42%2F /a/b/c/d/e/f/g "
             "/.problem").split():
    get(path, 404)
# nginx itself refuses what leads above its root: that must be 404 too, but where something else is wrong.
for path in ("/.. /../ /%2e%2e%2fetc/passwd /../../../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /metricas/cliente/42/../../../../etc/passwd "
             "/metricas/../../health /.%2E /a/./.././..//..?x=1 //a/..//.. /a/b/../c/../../..;x/../../.. "
             "/%2e%2E?producto=%20&fecha=/../ /a%3Fb/..%2f../x").split():
    get(path, 404)
    get(path, 404, method="POST", headers=["Content-Length: 0"])
for path in "/../% /../%zz /%00/../.. /../%ff /../a%0d%0ab /%01/../../x /../\x01 /../%c0%af?x /../?x=%4".split():
    get(path, 400)
cases.append(("GET http://x/../y HTTP/1.1", ["Host: x"], (404,)))
cases.append(("GET /a/../b/.. HTTP/1.1", ["Host: x", "Host: y"], (400,)))
# Parameters.
for query in ("fecha= fecha fecha=& fecha=2024-02-30 fecha=2023-02-29 fecha=2024-13-01 fecha=2024-00-01 fecha=2024-01-00 "
              "fecha=2024-2-3 fecha=20240203 fecha=2024-02-03T00:00:00 fecha=2024-02-03T00:00:00Z fecha=2024-02-03Z "
              "fecha=2024-02-03+ fecha=+2024-02-03 fecha=24-02-03 fecha=02024-02-03 fecha=0000-01-01 fecha=-001-01-01 fecha=hoy "
              "fecha=now() fecha=%D9%A2024-02-03 fecha=2024%2F02%2F03 fecha=03.02.2024 fecha=1706918400 fecha=* fecha=%2A "
              "fecha=2024-02-03%00 fecha=2024-02-03&fecha=2024-02-03 fecha=2024-02-03&FECHA=2024-02-03 Fecha=2024-02-03 "
              "fecha[]=2024-02-03 fecha.x=1 producto= producto producto=a&producto=b producto=a&producto=a producto=a& &producto=a "
              "producto=a&&fecha=2024-02-03 & && = =a x=1 cliente_id=1 limit=1 key=1 callback=x debug=1 _=1 producto=a;fecha=b&x "
              "producto=%00 producto=%ff producto=%zz ?producto=a producto=a?x=1&y %70roducto=a&producto=b").split():
    get(C + "1?" + query, 400)
    get(P + "a?" + query, 400)
for path in ("/health?x", "/health?fecha=2024-02-03", "/?x=1", "/openapi.json?x", "/page.js?v=1"):
    get(path, 400)
get(C + "1?" + "&".join(f"a{i}=1" for i in range(150)), 400)
get("/" + "a" * 3000, 414)
get(C + "1?producto=" + "a" * 4000, 414)
get("/" + "%61" * 1000, 414)
get("/" + "a" * 9000, 414)
# Methods.
for method in "POST PUT DELETE PATCH PROPFIND MKCOL LOCK REPORT BREW".split():
    get(C + "1", 405, method=method, headers=["Content-Length: 0"])
for method in "TRACE CONNECT get G GETGET".split():
    get(C + "1", 400, 405, method=method)  # some of them nginx knows better
get("/no/such/place", 404, method="POST", headers=["Content-Length: 0"])
# Keys.
get(C + "17850", 401, with_key=False)
for text in ("x tub_ Bearer%20x ' \" * %00 null undefined tub_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA "
             "0000000000000000000000000000000000000000000000000000000000000000").split():
    get(C + "17850", 401, key_text=text)
get(C + "17850", 401, key_text="a" * 5000)
get(C + "17850", 401, key_text=key + "x")
get(C + "17850", 401, key_text=key[:-1])
get(C + "17850", 401, key_text=key.upper())
get(C + "17850", 401, headers=[f"X-API-Key: {key}"])
get(C + "17850", 401, headers=["X-API-Key: x"])
get(C + "17850", 401, headers=[f"Authorization: Bearer {key}"], with_key=False)
get(C + "17850", 401, headers=[f"Cookie: X-API-Key={key}"], with_key=False)
get(C + "17850", 401, headers=[f"X_API_KEY: {key}"], with_key=False)
get(C + f"17850?X-API-Key={key}", 401, with_key=False)
for path in (P + "71053", P + "no-such-product", C + "17850?producto=71053", C + "1?producto=x", P + "%2A"):
    get(path, 403, key_text=limited)
# Headers that must not matter.
for header in ("X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "X-Original-URL: /admin", "X-Rewrite-URL: /admin",
               "X-HTTP-Method-Override: DELETE", "Proxy: http://x/", "Range: bytes=0-1", "Range: bytes=9999-", "If-Match: \"x\"",
               "If-Modified-Since: junk", "If-None-Match: junk", "If-None-Match: \"", "If-None-Match: W/", "If-None-Match: ,,,",
               "Accept: image/png", "Accept-Encoding: br;q=x, *;q=0", "Content-Type: application/x-evil", "Cookie: a=b",
               "X-Request-Id: a b", "X-Request-Id: " + "a" * 65, "X-Request-Id: <script>", "Origin: https://evil.example",
               "Origin: null", "Redirect-Status: 500", "Script-Filename: /etc/passwd", "Path-Info: /etc/passwd", "Tuberia-Store: x",
               "Transfer-Encoding: identity", "Referer: " + "x" * 4000, "User-Agent: () { :; }; echo x"):
    get(C + "17850", *((200, 501, 400) if header.startswith("Transfer") else (200,)), headers=[header])
get(C + "17850", 200, 400, headers=["Upgrade: h2c", "Connection: Upgrade"])
# No HTTP at all.
for raw in ("GET", "GET /health HTTP/9.9", "GET /health HTTP/1.1 x", "HELO x", "\x16\x03\x01",
            "GET health HTTP/1.1", "GET * HTTP/1.1", "GET http:// HTTP/1.1"):
    cases.append((raw, ["Host: x"], (400, 404, 405, 505)))
cases.append(("GET /health HTTP/1.1", [], (400,)))
cases.append(("GET /health HTTP/1.1", ["Host: x", "Host: y"], (400,)))
cases.append(("GET /health HTTP/1.1", ["Host: x", "no colon"], (400, 200)))
cases.append(("GET /health HTTP/1.1", ["Host: x", "X-Long: " + "a" * 20000], (400, 431)))
cases.append((f"POST {C}1 HTTP/1.1", ["Host: x", "Content-Length: 100000000"], (413,)))
cases.append((f"POST {C}1 HTTP/1.1", ["Host: x", "Content-Length: -1"], (400,)))
cases.append((f"POST {C}1 HTTP/1.1", ["Host: x", "Content-Length: 0", "Transfer-Encoding: chunked"], (400,)))

LEAKS = re.compile(re.escape(work) + r"|sqlite|SELECT|metricas WHERE|m\.db|/tmp/|tub_[A-Za-z0-9_-]{20}|Traceback", re.IGNORECASE)


def ask(first, headers):
    """(status, headers, body); raises ValueError when the answer is not well formed."""
    data = "\r\n".join([first, *headers, "Connection: close", "", ""]).encode("latin-1")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, context.wrap_socket(plain) as s:
        s.sendall(data)
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except (ssl.SSLError, ConnectionResetError):
            pass
    head, separator, body = got.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.1 (\d{3})( [^\r\n]*)?", lines[0])
    if not separator or not found:
        raise ValueError(f"no answer: {got[:100]!r}")
    fields = {}
    for line in lines[1:]:
        name, colon, value = line.partition(": ")
        if not colon or not re.fullmatch(r"[A-Za-z-]+", name):
            raise ValueError(f"a bad header: {line!r}")
        fields[name.lower()] = value
    if LEAKS.search(head.decode("latin-1")) or LEAKS.search(body.decode("latin-1")):
        raise ValueError(f"a leak: {got!r}")
    if "content-length" in fields and int(fields["content-length"]) != len(body):
        raise ValueError("a length that is not that of the body")
    return int(found[1]), fields, body


wrong = 0
for first, headers, statuses in cases:
    try:
        status, fields, body = ask(first, headers)
        if status not in statuses:
            raise ValueError(f"{status}, not {statuses}: {body[:200]!r}")
        if status >= 400 and status != 501:
            problem = json.loads(body)
            if fields.get("content-type") != "application/problem+json" or problem["status"] != status \
                    or not problem["title"] or not problem["detail"]:
                raise ValueError(f"not a problem document: {fields} {body[:200]!r}")
            if status == 405 and fields.get("allow") != "GET, HEAD, OPTIONS":
                raise ValueError(f"405 without Allow: {fields}")
        elif status == 200 and not body:
            raise ValueError("no body")
    except (ValueError, OSError, KeyError) as e:
        wrong += 1
        print(f"# {first[:120]!r} {[h[:60] for h in headers[1:]]}: {e}")
print(f"{len(cases)} asked, {wrong} wrong")
