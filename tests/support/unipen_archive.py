"""A small archive in UNIPEN's format, written by hand: what its files say is in the comments beside them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

ROOT = "CDROM/train_r01_v07"

# A tablet with 100 points to the inch across and 200 down; each point has a time as well.
_TABLET = """.VERSION 1.0
.COMMENT  a tablet
   made up for this test
.X_POINTS_PER_INCH 100
.Y_POINTS_PER_INCH 200
.COORD X Y T
"""

# Components: 0 a bar, 1 the way to the next, 2 a dash, 3 up without points, 4 a corner, 5 a dot, 6 up, 7 a long bar.
_PENS = """
.WRITER_ID ann
.STYLE CURSIVE
.START_BOX
.PEN_DOWN
10 100 0
10 200 1
10 300 2
.PEN_UP
30 300 3
60 200 4
.PEN_DOWN
110\t200\t5
160 200 6
.PEN_UP
.DT 40
.PEN_DOWN
210 100 7
.DT 15
210 300 8
260 300 9
.PEN_DOWN
300 300 10
.PEN_UP
.PEN_DOWN
400 0 11
400 100 12
400 400 13
"""

FILES: dict[str, str] = {
    "include/abc/abc.doc": _TABLET,
    "include/abc/data/one.dat": _PENS,
    # Words and a text; what has to be left out stands between them.
    "data/7/abc/one.dat": r""".VERSION 1.0
.INCLUDE abc/abc.doc
.INCLUDE abc/data/one.dat
.INCLUDE ../../../../etc/passwd
.SEGMENT WORD 0-2 OK "in"
.SEGMENT WORD 0,4-5 ? "say \"no\\\""
.SEGMENT WORD 4 BAD "scrawl"
.SEGMENT WORD 4:1-5 "cut"
.SEGMENT WORD 0:0-0:1 OK "half"
.SEGMENT WORD 4 OK
.SEGMENT WORD 3 OK "air"
.SEGMENT WORD 4-99 OK "beyond"
.SEGMENT WORD 5-4:x OK "unreadable"
.SEGMENT WORD 4 OK ""
""",
    # The same ink once more, and categories that repeat others.
    "data/6/abc/one.dat": '.INCLUDE abc/abc.doc\n.INCLUDE abc/data/one.dat\n.SEGMENT WORD 0-2 OK "in"\n',
    "data/2/abc/one.dat": '.INCLUDE abc/abc.doc\n.INCLUDE abc/data/one.dat\n.SEGMENT CHARACTER 2 OK "t"\n',
    "data/8/abc/one.dat": f""".INCLUDE abc/abc.doc
.INCLUDE abc/data/one.dat
.SEGMENT TEXT 0-7 OK "two
words\\n\té"
.SEGMENT TEXT 0-2 OK "alone"
.SEGMENT TEXT 0-7 OK "{"very " * 20}long"
""",
    # Documents that a file of pens includes itself, and that include each other for ever; points per mm.
    "include/xyz/data/p.dat": ".INCLUDE xyz/a.doc\n.WRITER_ID ann\n.PEN_DOWN\n0 0 9\n5 7 9\n.PEN_UP\n"
    ".PEN_DOWN\n1 1 9\n",
    "include/xyz/a.doc": ".INCLUDE xyz/b.doc\n.COORD Y X P\n.X_POINTS_PER_MM 10\n",
    "include/xyz/b.doc": ".INCLUDE xyz/a.doc\n.STYLE PRINTED\n",
    "data/1c/xyz/p.dat": '.INCLUDE xyz/data/p.dat\n.SEGMENT CHARACTER 0 OK "l"\n.SEGMENT CHARACTER 0-2 OK "ll"\n'
    '.SEGMENT CHARACTER 2 ? "."\n',
    # Two donors with the same writers, who are not those of a third.
    **{
        f"{name}/{donor}/{rest}": text
        for donor in ("apa", "apb", "app", "abm")
        for name, rest, text in (
            ("include", "data/w.dat", ".WRITER_ID bob\n.COORD X Y\n.PEN_DOWN\n0 0\n10 40\n"),
            ("data/7", "w.dat", f'.INCLUDE {donor}/data/w.dat\n.SEGMENT WORD 0 OK "{donor}"\n'),
        )
    },
    # Damaged: points that are no numbers, rows of different lengths, columns without y, no pens, pens in two files.
    **{
        f"{name}/bad/{rest}": text
        for number, pens in enumerate(
            (
                ".COORD X Y\n.PEN_DOWN\n1 2\n3 four\n",
                ".COORD X Y\n.PEN_DOWN\n1 2\n3\n",
                ".COORD X T\n.PEN_DOWN\n1 2\n3 4\n",
                ".COORD X Y\n.PEN_DOWN\n1 2\nnan 4\n",
                ".COORD X Y\n.X_POINTS_PER_INCH many\n.PEN_DOWN\n1 2\n3 4\n",
                ".COORD X Y Z\n.PEN_DOWN\n1\n3\n",
                ".COORD X Y\n",
                ".INCLUDE abc/data/one.dat\n.PEN_DOWN\n1 2\n3 4\n",
            )
        )
        for name, rest, text in (
            ("include", f"data/{number}.dat", pens),
            ("data/7", f"{number}.dat", f'.INCLUDE bad/data/{number}.dat\n.SEGMENT WORD 0 OK "bad"\n'),
        )
    },
}


def packed(files: Mapping[str, str] = FILES, *, root: str = ROOT) -> bytes:
    """The archive, what includes other files first; with links and names that want out."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            content = text.encode("latin-1")
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, goal in ((f"{root}/data/7/abc/link.dat", "/etc/passwd"), ("../../escaped", "/etc/passwd")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, goal
            tar.addfile(link)
    return made.getvalue()
