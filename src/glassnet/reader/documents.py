"""Files of one page or several: every page of a PDF, the one page of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from glassnet.data.pdf import is_pdf_name, page_numbers, parse_pages, read_pdf_page
from glassnet.reader.best import BestReader, make_reader
from glassnet.reader.page import Page
from glassnet.reader.reader import Reader

__all__ = ["read_pages"]


def read_pages(
    path: str | Path, reader: Reader | BestReader | None = None, *, pages: str | None = None
) -> Iterator[Page]:
    """The pages of a PDF, each read when it is asked for; a picture is one page.

    Parameters
    ----------
    path : path
        A PDF (its name ends in .pdf), or a picture file.
    reader : Reader, optional
        What reads; None takes one as it comes with the package.
    pages : str, optional
        Which pages of a PDF, as "1-3,5" or "4-"; None takes all.

    Returns
    -------
    iterator of Page
        In the order of the file. A PDF's page is drawn at 200 dots per inch, at fewer where it is large.

    Raises
    ------
    DataError
        The file cannot be read, pages are chosen that it does not have, or pypdfium2 is not installed.

    Examples
    --------
    Of a PDF, `read_pages("letter.pdf", pages="1-3")` gives three pages. Of a picture, one:

    >>> import tempfile
    >>> from PIL import Image
    >>> from glassnet.reader import make_reader, read_pages, synthesise
    >>> picture, truth = synthesise("HELLO", np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.fromarray(picture).save(f"{folder}/page.png")
    ...     [page.text for page in read_pages(f"{folder}/page.png", make_reader(alphabet="A-Z"))]
    ['HELLO']
    """
    chosen = parse_pages(pages) if pages is not None else None
    reader = reader or make_reader()
    if not is_pdf_name(Path(path)):
        return iter([reader.read(path)])
    numbers, enough = page_numbers(path, chosen), reader.settings.binarise.pixels
    return (reader.read(read_pdf_page(path, number, enough=enough).pixels) for number in numbers)
