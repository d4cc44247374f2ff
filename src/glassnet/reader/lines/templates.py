r"""What notes, forms and boards say: the patterns that `texts` fills in.

In a pattern, `{3}` stands for three digits, `{A2}` for two capitals, `{a4}` for four small letters, `{b3}` for three of
any letters and digits, `{*2}` for two of all characters but letters and digits; `{word}`, `{Word}` and `{WORD}` for
words, `{words}` for some of them; a name of `CHOICES` for one of those; others for what `texts` has functions for. All
else stands for itself. Patterns are parted by two blanks, or by the end of a line.
"""

from __future__ import annotations

import re

__all__ = ["CHOICES", "PATTERNS"]

# Each kind's share among what is not running text, and its patterns.
_KINDS: dict[str, tuple[float, str]] = {
    "number": (
        6,
        r"""
        {n}  {n},{3}  {n}.{2}  {n}.{1}  -{n}  +{n}  {n}%  ~{n}  {n}/{n}  #{n}  No. {n}  {n}th  {n},{3},{3}  {5} {5}
        {3} {3} {3}  {n} x {n}  >{n}  <{n}  {n}-{n}  {n}:{n}  {n}*  {n}^{1}
        """,
    ),
    "telephone": (
        3,
        r"""
        ({3}) {3}-{4}  {3}-{4}  {3}-{3}-{4}  +{2} {3} {4}  {3}.{3}.{4}  Tel. {3} {4}  Tel: {4} {4}
        Fax: ({3}) {3}-{4}  0{2}/{3}{4}  {3} {4} x{2}  +1 ({3}) {3} {4}  call {3}-{4}
        """,
    ),
    "date": (
        3,
        r"""
        {m}/{d}/{yy}  {m}-{d}-{yyyy}  {d}.{m}.{yyyy}  {month} {d}, {yyyy}  {d} {mon} {yyyy}  {mon}. {d}
        {yyyy}-{mm}-{dd}  {weekday}, {month} {d}  {day}. {m}/{d}  {mon} '{yy}  {day} {d}/{m}  DATE: {m}/{d}/{yy}
        """,
    ),
    "time": (
        2,
        r"""
        {h}:{min}  {h}:{min} am  {h}:{min}pm  {h} A.M.  {h} p.m.  {h}-{h} pm  {day} {h}:{min}  @{h}:{min}
        {h}:{min}-{h}:{min}  at {h}:{min}  {h}h{min}  {n} min.  {h} o'clock  ~{h}:{min}
        """,
    ),
    "price": (
        4,
        r"""
        ${n}  ${n}.{2}  ${n},{3}  $.{2}  {n}.{2} $  -${n}.{2}  {n} for ${n}  {word} ${n}.{2}  US${n}  {n} @ ${n}.{2}
        ({n}.{2})  total: ${n}.{2}  TOTAL ${n}  ${n}/{word}  {n}% off  ${n}k  {n} * ${n} = ${n}
        """,
    ),
    "address": (
        4,
        r"""
        {n} {Word} {street}  {n} {Word} {street}., {Word}, {place} {5}  {Word}, {place} {5}  P.O. Box {n}
        {title} {A1}. {Word}  {Word} {Word}, {n} {Word} {street}  {Word} & {Word} Inc.  Apt. {n}{A1}  c/o {Word}
        {title} {Word} {Word}  {n}-{n} {Word} {street}, #{n}  {A1}. {A1}. {Word}  {5}-{4}  Attn: {Word}
        {WORD}, {place}
        """,
    ),
    "net": (
        3,
        r"""
        {word}@{word}.{tld}  {a1}.{word}@{word}.{tld}  {word}_{word}@{word}.{tld}  www.{word}.{tld}
        http://{word}.{tld}/~{word}  https://www.{word}{word}.{tld}  {word}.{tld}/{word}?{a1}={n}&{a1}={n}
        @{word}_{n}  #{word}{Word}  {word}{n}@{word}.{tld}  {word}-{word}.{tld}  /{word}/{word}/{a4}.{a3}
        """,
    ),
    "sum": (
        5,
        r"""
        {sum}  {sum}  {sum}  {a1} = {n}  {a1}+{a1}={n}  {n}{a1} - {n} = {n}  ({n} + {n}) * {n} = {n}
        {a1}^2 + {a1}^2 = {a1}^2  {n}/{n} < {n}  {a1} > {n}  {n}^{1} = {n}  [{n}, {n}]  {{n}, {n}, {n}}
        |{a1}| <= {n}  f({a1}) = {n}{a1} + {n}  {a1}_{1} * {a1}_{1}  {n}% * {n} = {n}  {A1} = {a1}/{a1}  ({n}|{n})
        """,
    ),
    "list": (
        6,
        r"""
        - {words}  * {words}  {1}. {words}  {1}) {words}  {a1}) {words}  ({a1}) {words}  + {words}  o {words}
        [ ] {words}  [x] {words}  > {words}  -> {words}  => {word}  {n} {word}  {n}x {word}  ~ {word}  # {words}
        {Word}: {words}  {A1}: {words}  {WORD}: {n}  {word} = {word}  {word} - {word}  {word} / {word}
        {word} --> {word}  {word} <-> {word}  * {word} *  _{word}_  | {word} | {word} |  {word}: ____  _____
        {word}...  {word}?
        """,
    ),
    "code": (
        7,
        r"""
        {A2}-{3}  {A1}{1}  {A3} {4}  {A2}{2} {A3}  {3}-{A1}  Room {3}  Rm. {n}{A1}  {b6}  {b4}-{b4}-{b4}  {A4}  {a6}
        {a4} {a5}  {A5}  {A1}/{A1}  {A1}{a1}{1}  ID: {b8}  v{1}.{n}  {A3}-{A3}  #{b4}  {A1}-{n}  {b3}{*1}{b3}{*1}
        {b5}  {b2}{*1}{b2}  GATE {A1}{n}  {A1} {A1} {A1} {A1}  {a1} {a1} {a1}  {A2} {2}/{n}  {*3}  {*1} {*1} {*1}
        {*1}{word}{*1}  {*2} {*2}  {word}{*1} {*1}{word}
        """,
    ),
    "quoted": (
        5,
        r"""
        "{words}"  '{words}'  "{Word}!"  ({words})  [{words}]  {{words}}  <{word}>  ("{words}")  {words} ({n})
        {word} [{n}]  {Word} said: "{words}"  "{words}," {word}  `{word}`  ({word}; {word})  <{Word}, {Word}>  '{yy}
        {word} {{word}}  *{word}*  ** {words} **  "{WORD}"  ~{words}~  << {word} >>  [...]  {word}[{a1}]  {n}"
        {n}'{n}"
        """,
    ),
    "programme": (
        5,
        r"""
        {word}[{a1}] = {n};  {{word} = {n};}  <{a1}>{word}</{a1}>  if ({a1} < {n}) {  } else {  `{word} -{a1}`
        C:\{word}\{word}.{a3}  ~/{word} | {word}  ${a1}_{1}  {a1} != {a1}  {a1} || {a1}  printf("%{a1}\n");
        {word}_{word}()  /* {word} */  {a1} && !{a1}  {a1}++;  {a1} = ~{a1} ^ {a1}  # {word}  \{word}{{n}}  @{word}
        {a1} ? {n} : {n};  `{a1}`  cp {word} {word}.{a3}  {word}\{word}  ^{a1}+$  {word}|{word}
        {Word}Set<{Word}> {a1};  {A1} \ {A1}  ${WORD}_{WORD}  x^{{n}}
        """,
    ),
}
PATTERNS = {kind: (share, tuple(re.split(r"\s{2,}", text.strip()))) for kind, (share, text) in _KINDS.items()}

_CHOICES = {
    "month": "January February March April May June July August September October November December",
    "mon": "Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "day": "Mon Tue Wed Thu Fri Sat Sun",
    "place": "AL AK AZ AR CA CO CT DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV NY OH "
    "OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY",
    "street": "St Street Ave Avenue Road Rd Lane Drive Dr Blvd Court Square Way Park Hill",
    "title": "Mr. Mrs. Ms. Dr. Prof. Miss Sir",
    "tld": "com com org net edu de co.uk io",
    # The most usual words of English, by frequency.
    "usual": "the of and to a in is that it for was on are as with his they at be this from I have or by one had "
    "not but what all were when we there can an your which their if do will each how them then she many "
    "some so these would into has more her two him see time could no than first been its who now my made "
    "over did down only way find may",
    "end": ". . . . . . . . ! ! ? ? ... :",
    "pause": ", , , , , , , ; : -",
    "around": '"" "" \'\' () () [] ** __ <> {}',
}
CHOICES = {name: tuple(words.split()) for name, words in _CHOICES.items()}
