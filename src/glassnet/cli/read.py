"""`glassnet read`: the text of photographed handwriting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.cli.remedies import worded
from glassnet.errors import ReaderError

if TYPE_CHECKING:
    from glassnet.actions.read import PageRead
    from glassnet.reader import BestReader, Page, Reader

_UNSURE = 0.6  # mean confidence of a page below which a note says so: one word in three or so is wrong there


def read(
    pictures: Annotated[list[Path] | None, typer.Argument(help="Pictures and PDFs, or folders of them.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, json (with boxes and alternatives), hocr, alto or pdf (searchable).")
    ] = "text",
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder for the files (default: print; pdf and overlay: the working folder). With --learn: a file."
        ),
    ] = None,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write the picture with boxes and characters drawn (NAME-read.png).")
    ] = False,
    alphabet: Annotated[
        str, typer.Option(help="What can be written: full, or ranges and characters such as A-Z0-9.")
    ] = "full",
    words: Annotated[
        Path | None, typer.Option(help="A list of words, one per line, to decide what the picture leaves open.")
    ] = None,
    language: Annotated[
        str, typer.Option(help="What whole lines are expected to say: english, none, or a file of plain text.")
    ] = "english",
    min_confidence: Annotated[
        float, typer.Option(help="Words below this confidence are marked, in text by {braces}.", min=0.0, max=1.0)
    ] = 0.0,
    pages: Annotated[
        str | None, typer.Option(help="Pages of a PDF, such as 1-3,5 or 4- (to the last); default: all.")
    ] = None,
    evaluate: Annotated[
        Path | None,
        typer.Option(help="A folder of pictures and PDFs, .txt files beside them: error rates and an HTML page."),
    ] = None,
    learn: Annotated[
        Path | None,
        typer.Option(help="A folder of pictures with .txt files beside them, by one hand: a model of it, in --out."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Pages read at the same time.", min=1)] = 1,
    model: Annotated[
        Path | None, typer.Option(help="A model file of characters or of lines (default: the packaged ones).")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Read handwriting from photographs and PDFs, printed or joined: letters, figures and the signs of a keyboard.

    Pages may be turned, skewed, shadowed, ruled, light on dark. Where nothing is read, a line says why, and the exit
    status is 3.

    Examples:

      glassnet read page.jpg

      glassnet read scans --format pdf --out read --overlay --jobs 2

      glassnet read letter.pdf --pages 1-3 --format alto --out read

      glassnet read form.jpg --alphabet 0-9

      glassnet read letter.jpg --min-confidence 0.6 --language none

      glassnet read --evaluate pages --out report

      glassnet read --learn pages --out mine.safetensors

      glassnet read letter.jpg --model mine.safetensors
    """
    from glassnet.actions import read as actions
    from glassnet.data.pdf import is_pdf_name
    from glassnet.reader.export import FORMATS

    if format_ not in FORMATS:
        raise ReaderError(f"--format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}. Got '{format_}' instead.")
    if evaluate is not None and pictures:
        raise ReaderError("--evaluate takes the pictures of its folder; give no others.")
    if evaluate is not None and pages is not None:
        raise ReaderError("--evaluate takes all pages whose text is in its folder; leave out --pages.")
    if learn is not None:
        if pictures or evaluate is not None:
            raise ReaderError("--learn takes the pictures of its folder; give no others, and no --evaluate.")
        if out is None:
            raise ReaderError("--learn writes a model; name its file, as in --out mine.safetensors.")
        _learn(learn, out, model, threads, json)
        return
    if evaluate is None and not pictures:
        raise ReaderError("Name a picture, as in 'glassnet read page.jpg'.")
    reader = actions.choose_reader(alphabet, words, model, language)
    if evaluate is not None:
        _evaluate(evaluate, out, reader, jobs, threads, json)
        return
    assert pictures is not None
    named = actions.list_pictures(pictures)
    if pages is not None and not any(is_pdf_name(path) for path in named):
        raise ReaderError("--pages chooses pages of PDFs, and none is named.")
    prints = out is None and format_ != "pdf"
    several = len(named) > 1
    before: Path | None = None  # whose page was shown last

    def show(found: PageRead) -> None:
        nonlocal before
        if prints and found.page is not None:
            _show(found, found.page, format_, several, min_confidence, follows=before == found.picture)
            before = found.picture
        _tell(found, several, min_confidence)

    result = actions.read(
        named,
        reader,
        form=None if prints else format_,
        out=out,
        overlay=overlay,
        min_confidence=min_confidence,
        pages=pages,
        jobs=jobs,
        threads=threads,
        on_page=show,
    )
    if json:
        emit(result.to_dict())
    if result.errors:
        if len(result.each) == 1:
            raise result.errors[0]
        others = "; the others were" if len(result.errors) < len(result.each) else ""
        raise ReaderError(f"{len(result.errors)} of {len(result.each)} pages could not be read{others}.")
    if not all(found.page and found.page.lines for found in result.each):
        raise typer.Exit(3)


def _show(found: PageRead, page: Page, form: str, several: bool, least: float, *, follows: bool) -> None:
    """Print a page. In text a form feed stands between two pages of a file, a heading before each of several files."""
    import json

    from glassnet.reader.export import as_json, as_text

    if form == "json":
        shown = {"picture": str(found.picture), "page": found.number, **as_json(page, least)}
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    if form == "text" and follows:
        typer.echo("\f", nl=False)
    elif form == "text" and several:
        say(f"== {found.picture}")
    typer.echo(as_text(page, form, found.picture.name, found.number or 1, least), nl=False)


def _tell(found: PageRead, several: bool, least: float) -> None:
    """What is to be known of a page, besides its text."""
    page = found.page
    if page is None:
        if found.error is not None and (several or found.number is not None):
            say(f"{found.name}: not read. {worded(found.error)}", err=True)
        return
    if not page.lines:
        say(f"{found.name}: nothing was read: {page.nothing}", err=True)
    elif page.confidence < _UNSURE and not least:
        doubt = f"was read with little confidence ({page.confidence:.2f})"
        say(f"note: {found.name} {doubt}; --min-confidence {_UNSURE} marks the doubtful words", err=True)
    for file in found.files:
        say(f"wrote {file}")


def _evaluate(
    folder: Path, out: Path | None, reader: Reader | BestReader, jobs: int, threads: int | None, json: bool
) -> None:
    from glassnet.actions.read import evaluate_reading
    from glassnet.cli.events import TerminalEvents
    from glassnet.reader.evaluate import interval_text

    result = evaluate_reading(folder, reader, out=out, jobs=jobs, threads=threads, events=TerminalEvents(lines=False))
    found = result.scores
    interval = interval_text(found.character_interval)
    typer.echo(f"\ncharacter error rate {found.character_error_rate:.4f} (95 % interval {interval})")
    typer.echo(f"word error rate      {found.word_error_rate:.4f} (95 % interval {interval_text(found.word_interval)})")
    typer.echo("(upper case, A-Z and 0-9 alone)")
    typer.echo(f"as written, with case and punctuation: character error rate {found.exact_error_rate:.4f}")
    if found.confusions:
        typer.echo("\nthere -> read: " + ", ".join(f"{a} -> {b} x{n}" for a, b, n in found.confusions[:12]))
    say(f"wrote {result.file}")
    if json:
        emit(result.to_dict())


def _learn(folder: Path, out: Path, model: Path | None, threads: int | None, json: bool) -> None:
    from glassnet.actions.learn import learn_hand
    from glassnet.cli.events import TerminalEvents

    found = learn_hand(folder, out, model=model, threads=threads, events=TerminalEvents())
    typer.echo(f"{found.lines} lines learnt in {found.seconds:.0f} s")
    if found.before is not None and found.after is not None:
        typer.echo(f"characters wrong, by the picture alone: {found.before:.4f} before;")
        typer.echo(f"of each half of the lines after the other half was learnt: {found.after:.4f}")
    say(f"wrote {found.file}")
    if json:
        emit(found.to_dict())
