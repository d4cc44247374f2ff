"""A page as hOCR, the open format of text recognisers (hOCR 1.2, https://kba.github.io/hocr-spec/1.2/).

hOCR is XHTML whose elements carry the boxes of pages, lines and words. Of a word's characters `x_bboxes` has the boxes
and `x_confs` the confidences in percent, as the specification has it. What else a character may be stands in
`data-alternatives`: of each character the alternatives with their percentages (`R:5,%3B:1`: R or a semicolon, which is
written as in a URL), or `-` where there are none.
"""

from __future__ import annotations

import html
from urllib.parse import quote

from glassnet.errors import escaped
from glassnet.reader.page import Character, Page, Word

__all__ = ["as_hocr"]


def as_hocr(page: Page, picture: str, number: int = 1, least: float = 0.0) -> str:
    """The page as hOCR 1.2.

    Parameters
    ----------
    page : Page
        What was read.
    picture : str
        The name of the file that the page is in.
    number : int
        Which page of that file it is, from 1.
    least : float
        The confidence below which words are marked (`data-sure="no"`); with 0 no word is.
    """
    name = html.escape(escaped(picture).replace('"', "'"), quote=True)
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">',
        " <head>",
        f"  <title>{name}</title>",
        '  <meta http-equiv="Content-Type" content="text/html;charset=utf-8" />',
        '  <meta name="ocr-system" content="glassnet" />',
        '  <meta name="ocr-langs" content="unknown" />',
        '  <meta name="ocr-scripts" content="Latn" />',
        '  <meta name="ocr-number-of-pages" content="1" />',
        '  <meta name="ocr-capabilities" content="ocr_page ocr_line ocrx_word ocrp_wconf" />',
        " </head>",
        " <body>",
        "  <div class='ocr_page' id='page_1' "
        f"title='image \"{name}\"; bbox 0 0 {page.width} {page.height}; ppageno {number - 1}'>",
    ]
    word_number = 0
    for i, line in enumerate(page.lines, start=1):
        rows.append(f"   <span class='ocr_line' id='line_{i}' title='{_bbox(line.box.whole())}'>")
        for word in line.words:
            word_number += 1
            rows.append(f"    {_word(word, word_number, least)}")
        rows.append("   </span>")
    return "\n".join([*rows, "  </div>", " </body>", "</html>"]) + "\n"


def _word(word: Word, number: int, least: float) -> str:
    """The element of a word."""
    boxes = [str(max(0, v)) for c in word.characters for v in c.box.whole()]
    properties = (
        _bbox(word.box.whole()),
        f"x_wconf {round(100 * word.confidence)}",
        "x_bboxes " + " ".join(boxes),
        "x_confs " + " ".join(str(round(100 * c.confidence)) for c in word.characters),
    )
    more = f" data-sure='{'yes' if word.confidence >= least else 'no'}'" if least > 0 else ""
    if any(c.alternatives for c in word.characters):
        more += f" data-alternatives='{' '.join(_alternatives(c) for c in word.characters)}'"
    title = "; ".join(properties)
    return f"<span class='ocrx_word' id='word_{number}' title='{title}'{more}>{html.escape(word.text)}</span>"


def _alternatives(character: Character) -> str:
    """As "R:5,%3B:1", with percentages; "-" where there are none."""
    return ",".join(f"{quote(text, safe='')}:{round(100 * p)}" for text, p in character.alternatives) or "-"


def _bbox(box: tuple[int, int, int, int]) -> str:
    return "bbox " + " ".join(str(max(0, v)) for v in box)
