# Decimals beside Python's: thousands of numbers, sums, differences and comparisons, of all lengths
# and scales, with those that do not fit and those that are none.
. "$(dirname "$0")/../../lib/tap.sh"

probe=$TUBERIA_BIN/../unit/probe-decimal
[ -x "$probe" ] || skip_all "no probe-decimal beside $TUBERIA_BIN (make units)"

cat >"$work/make.py" <<'PYTHON'
import decimal
import itertools
import random
import re
import sys
from decimal import Decimal

decimal.getcontext().prec = 200
decimal.getcontext().Emax = decimal.MAX_EMAX
decimal.getcontext().Emin = decimal.MIN_EMIN
random.seed(20101201)
# RFC 8259, section 6
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
MOST = 10 ** 38


def value(text):
    """The number as it is kept, with its scale in the exponent; None where that is impossible."""
    if not NUMBER.fullmatch(text):
        return None
    d = Decimal(text)
    if d.as_tuple().exponent > 0:
        if d == 0:
            return Decimal(0)
        if d.adjusted() > 40:
            return None
        d = d.quantize(Decimal(1))
    return fitting(d)


def fitting(d):
    scale = -d.as_tuple().exponent
    if scale > 38 or abs(int(d.scaleb(scale))) >= MOST:
        return None
    return d


def printed(d):
    if d is None:
        return "-"
    if d == 0:
        d = abs(d)
    return format(d, "f")


def number():
    digits = random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 30, 36, 37, 38,
                            38, 39, 40])
    text = "".join(random.choice("0123456789") for _ in range(digits))
    if random.random() < 0.2:
        text = random.choice(["9" * digits, "1" + "0" * (digits - 1), "9" * (digits - 1) + "8"])
    point = random.randint(0, digits)
    whole, fraction = text[:point].lstrip("0") or "0", text[point:]
    text = random.choice(["", "", "-"]) + whole + ("." + fraction if fraction else "")
    if random.random() < 0.15:
        text += random.choice("eE") + random.choice(["", "+", "-"]) + str(random.randint(0, 45))
    return text


questions, answers = open(sys.argv[1], "w"), open(sys.argv[2], "w")


def ask(question, answer):
    questions.write(question + "\n")
    answers.write(answer + "\n")


# Every string of up to 5 of these characters: the grammar.
for n in range(1, 6):
    for characters in itertools.product("0190.-+eE", repeat=n):
        text = "".join(characters)
        ask("parse " + text, printed(value(text)))
for _ in range(30000):
    text = number()
    ask("parse " + text, printed(value(text)))
EDGES = [sign + text for sign in ("", "-") for text in
         ("0", "0.0", "1", "2", "0.1", "0." + "0" * 37 + "1", "9" * 38, "9" * 37 + "8",
          "9" * 37 + ".9", "0." + "9" * 38, "9" * 19, "1" + "0" * 19, "5" + "0" * 37,
          "9" * 18, "9" * 20, "1" + "0" * 37, "18446744073709551615", "18446744073709551616",
          "9223372036854775807", "9223372036854775808")]
pairs = [(a, b) for a in EDGES for b in EDGES]
for _ in range(60000):
    a, b = number(), number()
    if random.random() < 0.2:
        b = a.lstrip("-") if random.random() < 0.5 else "-" + a.lstrip("-")
    pairs.append((a, b))
for a, b in pairs:
    x, y = value(a), value(b)
    both = x is not None and y is not None
    for verb, sign in ("add", 1), ("sub", -1):
        answer = None
        if both:
            # Both terms must fit at the greater scale, as the sum keeps it.
            scale = max(-x.as_tuple().exponent, -y.as_tuple().exponent)
            unit = Decimal(1).scaleb(-scale)
            terms = [fitting(x.quantize(unit)), fitting(y.quantize(unit))]
            if None not in terms:
                answer = fitting(terms[0] + sign * terms[1])
        ask(f"{verb} {a} {b}", printed(answer))
    ask(f"compare {a} {b}", str(int(x.compare(y))) if both else "-")
PYTHON
/usr/bin/python3 "$work/make.py" "$work/questions" "$work/answers" || exit 1
"$probe" <"$work/questions" >"$work/got"

# same VERB NAME
same() {
    local count
    count=$(grep -c "^$1 " "$work/questions")
    paste -d'|' "$work/questions" "$work/answers" "$work/got" | grep "^$1 " |
        awk -F'|' '$2 != $3' >"$work/wrong"
    if [ "$count" -gt 1000 ] && [ ! -s "$work/wrong" ]; then
        ok "$2"
    else
        not_ok "$2" "of $count, question|expected|got:" "$(head -n 5 "$work/wrong")"
    fi
}
is "$(wc -l <"$work/got")" "$(wc -l <"$work/questions")" "each question is answered"
same parse "numbers are parsed, and refused, as by Python"
same add "sums"
same sub "differences"
same compare "comparisons"
done_testing
