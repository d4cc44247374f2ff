"""`glassnet read`: the text of photographed, hand-printed pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.errors import GlassnetError, ReaderError

_UNSURE = 0.6  # mean confidence of a page below which a note says so: one word in three or so is wrong there


def read(
    pictures: Annotated[list[Path] | None, typer.Argument(help="Picture files, or folders of them.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, json (with boxes and alternatives), hocr or pdf (searchable).")
    ] = "text",
    out: Annotated[
        Path | None, typer.Option(help="A folder for the files (default: print; a pdf beside its picture).")
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
    min_confidence: Annotated[
        float, typer.Option(help="Words below this confidence stand in {braces} in the text.", min=0.0, max=1.0)
    ] = 0.0,
    evaluate: Annotated[
        Path | None,
        typer.Option(help="A folder of pictures with .txt files beside them: error rates and an HTML page."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Pictures read at the same time.", min=1)] = 1,
    model: Annotated[
        Path | None, typer.Option(help="A model file trained for the reader (default: the packaged one).")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Read hand-printed text from photographs: letters, figures and . , ! ? : ; ' " - + = ( ) / & # @

    Pages may be turned, skewed, shadowed, ruled, light on dark. Where nothing is read, a line says why, and the exit
    status is 3.

    Examples:

      glassnet read page.jpg

      glassnet read scans --format pdf --out read --overlay --jobs 2

      glassnet read form.jpg --alphabet 0-9

      glassnet read letter.jpg --min-confidence 0.6

      glassnet read --evaluate pages --out report
    """
    from glassnet import threads as pool
    from glassnet.model import Model
    from glassnet.reader import Reader, read_words
    from glassnet.reader.batch import Task, read_all
    from glassnet.reader.export import FORMATS

    if format_ not in FORMATS:
        raise ReaderError(f"--format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}. Got '{format_}' instead.")
    known = read_words(words) if words else None
    reader = Reader(Model.load(model) if model else None, alphabet=alphabet, words=known)
    if evaluate is not None:
        if pictures:
            raise ReaderError("--evaluate takes the pictures of its folder; give no others.")
        with pool.use(threads):
            _evaluate(evaluate, out, reader, jobs, json)
        return
    if not pictures:
        raise ReaderError("Name a picture, as in 'glassnet read page.jpg'.")
    start = time.perf_counter()
    pictures = _named(pictures)
    to_files = out is not None or format_ == "pdf"
    targets: Sequence[Path | None] = _targets(pictures, out) if to_files or overlay else [None] * len(pictures)
    tasks = [
        Task(path, target, format_ if to_files else None, overlay, min_confidence)
        for path, target in zip(pictures, targets, strict=True)
    ]
    pages: list[dict[str, Any]] = []
    files: list[Path] = []
    errors: list[GlassnetError] = []
    with pool.use(threads):
        for path, (page, written, error) in zip(pictures, read_all(tasks, reader, jobs=jobs), strict=True):
            files += written
            if page is None:
                assert error is not None
                errors.append(error)
                if len(pictures) > 1:
                    say(f"{path}: not read. {error}", err=True)
                continue
            pages.append({"picture": path, **page.as_json()})
            if not to_files:
                _show(path, page, format_, len(pictures) > 1, min_confidence)
            if not page.lines:
                say(f"{path}: nothing was read: {page.nothing}", err=True)
            elif page.confidence < _UNSURE and not min_confidence:
                say(
                    f"note: {path} was read with little confidence ({page.confidence:.2f}); --min-confidence"
                    f" {_UNSURE} marks the doubtful words",
                    err=True,
                )
            for file in written:
                say(f"wrote {file}")
    if json:
        emit({"pages": pages, "files": files, "seconds": time.perf_counter() - start})
    if errors:
        if len(pictures) == 1:
            raise errors[0]
        raise ReaderError(f"{len(errors)} of {len(pictures)} pages could not be read; the others were.")
    if not all(page["lines"] for page in pages):
        raise typer.Exit(3)


def _named(paths: list[Path]) -> list[Path]:
    """The pictures that the paths name; of a folder, those that are not overlays of others in it."""
    from glassnet.data.pictures import pictures_of
    from glassnet.reader.batch import drawn_name

    named = pictures_of(paths)
    unwanted = {drawn_name(path) for path in named}.difference(paths)
    return [path for path in named if path not in unwanted]


def _targets(pictures: list[Path], out: Path | None) -> list[Path]:
    """What the files of each picture are named after. Raises `ReaderError` where two would be written to one file."""
    targets = [picture if out is None else out / picture.name for picture in pictures]
    first: dict[Path, Path] = {}
    for picture, target in zip(pictures, targets, strict=True):
        other = first.setdefault(target.with_suffix(""), picture)
        if other is not picture:
            raise ReaderError(
                f"What is read in '{other}' and in '{picture}' would be written to the same file; rename one, or read"
                " them into two folders."
            )
    return targets


def _show(path: Path, page: Any, form: str, several: bool, least: float) -> None:
    import json

    from glassnet.reader.export import as_hocr

    if form == "json":
        typer.echo(json.dumps({"picture": str(path), **page.as_json()}, ensure_ascii=False))
    elif form == "hocr":
        typer.echo(as_hocr(page, path.name), nl=False)
    else:
        if several:
            say(f"== {path}")
        if page.lines:
            typer.echo(page.marked_text(least))


def _evaluate(folder: Path, out: Path | None, reader: Any, jobs: int, json: bool) -> None:
    from glassnet.reader.batch import Task, read_all
    from glassnet.reader.evaluate import compare, pairs_in, summarise
    from glassnet.reader.evaluation_page import write_evaluation

    pairs = pairs_in(folder)
    start = time.perf_counter()
    scores, pages = [], []
    tasks = [Task(path) for path, _ in pairs]
    for number, ((path, truth), (page, _, error)) in enumerate(
        zip(pairs, read_all(tasks, reader, jobs=jobs), strict=True), 1
    ):
        if page is None:
            assert error is not None
            raise error
        score = compare(path.name, page.text, truth)
        scores.append(score)
        pages.append((path, page))
        say(
            f"{number}/{len(pairs)} {path.name}: {score.character_errors} of {score.characters} characters wrong,"
            f" {score.word_errors} of {score.words} words, score {score.score:.4f}"
        )
    found = summarise(scores)
    low, high = found.character_interval
    typer.echo(f"\ncharacter error rate {found.character_error_rate:.4f} (95 % interval {low:.4f} to {high:.4f})")
    low, high = found.word_interval
    typer.echo(f"word error rate      {found.word_error_rate:.4f} (95 % interval {low:.4f} to {high:.4f})")
    typer.echo("(upper case, A-Z and 0-9 alone)")
    typer.echo(f"as written, with case and punctuation: character error rate {found.exact_error_rate:.4f}")
    if found.confusions:
        typer.echo("\nthere -> read: " + ", ".join(f"{a} -> {b} x{n}" for a, b, n in found.confusions[:12]))
    file = write_evaluation(found, pages, (out or Path()) / "reading.html")
    say(f"wrote {file}")
    if json:
        emit({**found.to_dict(), "files": [file], "seconds": time.perf_counter() - start})
