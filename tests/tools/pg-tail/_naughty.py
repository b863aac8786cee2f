#!/usr/bin/python3
"""Strings that have broken programs: what is special to JSON, to COPY, to SQL, to a shell, to a terminal, to
UTF-8, to CSV, and to people who count characters. Prints INSERT statements for a table of (id integer, v text);
--latin1: those that this encoding has.
"""
import sys

NAUGHTY = [
    "", " ", "  two  ", "\t", "\n", "\r", "\r\n", "\\", "\\\\", "\\n", "\\N", "\\.", "\\u0000", "\\x00", '"', '""', '\\"', "'", "''",
    "`", "a\"b'c\\d", "{", "}", "{}", "[]", '{"@barrier":{"epoch":1}}', '{"@op":"-"}', '","monto":0,"x":"', "null", "NULL", "(null)",
    "undefined", "true", "NaN", "Infinity", "-0", "1e999", "0x7f", "'; DROP TABLE ventas; --", "$(reboot)", "`id`", "${HOME}", "%s%n%d",
    "%00", "../../etc/passwd", "-rf", "--help", "*", "?", "#", "17850#85123A#2010-12-01", "a,b;c|d", "=1+1", "@sum", "+1", "&amp;<b>",
    "</script>", "<![CDATA[x]]>", "\x01", "\x02\x03\x04\x05\x06\x07", "\b", "\x0b", "\f", "\x0e\x1a\x1b[31mrojo\x1b[0m", "\x1b]0;t\x07",
    "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\xa0", "\xad", "ñ", "Ñandú", "ÿ", "ß", "İı", "é", "e\u0301", "\u0130", "\u200b", "\u200d",
    "\u200e\u200f", "\u202e txt.exe", "\u2028", "\u2029", "\u2060", "\ufeff", "\ufeffbom", "\ufffd", "\ufffe", "\uffff", "\ufdd0",
    "\ud7ff", "\ue000", "日本語", "العربية", "עברית", "\u0e33\u0e49", "Z\u0351\u036b\u0343a\u0329\u0348l\u030d\u0310g\u0489o", "☃", "€",
    "😀", "👩\u200d👩\u200d👧\u200d👦", "🇪🇸", "\U00010000", "\U0001fffe", "\U0010ffff", "𝕳𝖔𝖑𝖆", "a" * 8191, "ñ" * 4096, "\\" * 5000, "\"" * 3000,
    "\n" * 3000, "😀" * 2500, "\t|\t" * 1000,
]


def literal(text):
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main():
    latin1 = sys.argv[1:] == ["--latin1"]
    rows = []
    for text in NAUGHTY:
        if latin1:
            try:
                text.encode("latin-1")
            except UnicodeEncodeError:
                continue
        rows.append(f"INSERT INTO naughty VALUES ({len(rows) + 1}, {literal(text)});\n")
    sys.stdout.buffer.write("".join(rows).encode("utf-8"))


main()
