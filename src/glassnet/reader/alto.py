"""A page as ALTO XML, the format of libraries and archives (ALTO 4, https://www.loc.gov/standards/alto/).

Page, print space, one block, and in it lines of strings, each with its box; of a string its confidence (WC) and its
characters as glyphs with theirs (GC) and with variants: what else they may be (VC).
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from glassnet.errors import escaped
from glassnet.reader.page import Box, Character, Line, Page, Word

__all__ = ["as_alto"]

_SPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "https://www.loc.gov/standards/alto/v4/alto-4-2.xsd"
_UNSURE = "unsure"  # the tag of words below the confidence that is asked for
_LONGEST = 3  # characters of a variant, by the schema


def as_alto(page: Page, picture: str, number: int = 1, least: float = 0.0) -> str:
    """The page as ALTO 4.2, valid under every later 4.x.

    Parameters
    ----------
    page : Page
        What was read.
    picture : str
        The name of the file that the page is in.
    number : int
        Which page of that file it is, from 1.
    least : float
        The confidence below which words carry the tag `unsure`; with 0 none does.
    """
    root = Element("alto", {"xmlns": _SPACE, "xmlns:xsi": _INSTANCE, "SCHEMAVERSION": "4.2"})
    root.set("xsi:schemaLocation", f"{_SPACE} {_SCHEMA}")
    _describe(root, picture)
    if least > 0:
        tags = SubElement(root, "Tags")
        what = f"a confidence below {least:g}"
        SubElement(tags, "OtherTag", {"ID": _UNSURE, "LABEL": _UNSURE, "DESCRIPTION": what})
    whole = {"HPOS": "0", "VPOS": "0", "WIDTH": str(page.width), "HEIGHT": str(page.height)}
    size = {"WIDTH": whole["WIDTH"], "HEIGHT": whole["HEIGHT"]}
    attributes = {"ID": f"page_{number}", "PHYSICAL_IMG_NR": str(number), **size}
    if page.lines:
        attributes["PC"] = _confidence(page.confidence)
    sheet = SubElement(SubElement(root, "Layout"), "Page", attributes)
    space = SubElement(sheet, "PrintSpace", whole)
    if page.lines:
        around = _place(Box.around([line.box for line in page.lines]))
        block = SubElement(space, "TextBlock", {"ID": f"block_{number}", **around})
        for i, line in enumerate(page.lines, start=1):
            _write_line(block, line, f"{number}_{i}", least)
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _describe(root: Element, picture: str) -> None:
    description = SubElement(root, "Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    SubElement(SubElement(description, "sourceImageInformation"), "fileName").text = escaped(picture)
    step = SubElement(description, "Processing", {"ID": "reading"})
    SubElement(SubElement(step, "processingSoftware"), "softwareName").text = "glassnet"


def _write_line(block: Element, line: Line, name: str, least: float) -> None:
    row = SubElement(block, "TextLine", {"ID": f"line_{name}", **_place(line.box)})
    before: Word | None = None
    for k, word in enumerate(line.words, start=1):
        if before is not None:
            SubElement(row, "SP", _gap(before.box, word.box))
        before = word
        attributes = {"ID": f"word_{name}_{k}", **_place(word.box), "CONTENT": word.text}
        attributes["WC"] = _confidence(word.confidence)
        if word.confidence < least:
            attributes["TAGREFS"] = _UNSURE
        string = SubElement(row, "String", attributes)
        for character in word.characters:
            _write_glyph(string, character)


def _write_glyph(string: Element, character: Character) -> None:
    attributes = {"CONTENT": character.text, "GC": _confidence(character.confidence), **_place(character.box)}
    glyph = SubElement(string, "Glyph", attributes)
    for text, probability in character.alternatives:
        if len(text) <= _LONGEST:
            SubElement(glyph, "Variant", {"CONTENT": text, "VC": _confidence(probability)})


def _place(box: Box) -> dict[str, str]:
    left, top, right, bottom = (max(0, v) for v in box.whole())
    return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}


def _gap(left: Box, right: Box) -> dict[str, str]:
    """The place of a space: nothing wide where one word begins above the end of the other."""
    start, end = left.whole()[2], right.whole()[0]
    return {"HPOS": str(max(0, start)), "VPOS": str(max(0, left.whole()[1])), "WIDTH": str(max(0, end - start))}


def _confidence(value: float) -> str:
    return f"{min(1.0, max(0.0, value)):.4f}"
