"""Downloads that resume, are checked before they count, and appear whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import queue
import re
import shutil
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from glassnet.errors import DataError

__all__ = ["Limits", "OnBytes", "RemoteFile", "fetch", "unpack", "within_limit"]

OnBytes = Callable[[str, int, int | None], None]

_PIECE = 1 << 16
_MOST_UNPACKED = 4 * 2**30
# What a file must begin with, by the end of its name.
_MAGIC = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".zip": b"PK", ".mat": b"MATLAB"}


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: its name, its addresses in order of preference, its size and SHA-256 where a source states
    them (of a SHA-256 also its first digits alone, where no more is stated).

    For an archive `take` is a pattern that the base names of the wanted members match in full, and `into` a
    sub-folder for them.

    Of a package of npm the SHA-512 is asked for when it is downloaded: `sum_at` is the address of the registry's JSON
    about it (`dist.integrity`).

    Examples
    --------
    >>> from glassnet.data import RemoteFile
    >>> file = RemoteFile("train.gz", ("https://example.org/train.gz",), size=9912422, sha256=None)
    >>> file.name, file.into
    ('train.gz', '')
    """

    name: str
    addresses: tuple[str, ...]
    size: int | None
    sha256: str | None
    take: str | None = None
    into: str = ""
    sum_at: str = ""
    sha512: str | None = None

    @property
    def has_sum(self) -> bool:
        """Whether a sum is known that tells this file from all others."""
        return self.sha256 is not None or self.sha512 is not None


@dataclass(frozen=True)
class Limits:
    """How long a download may take.

    Attributes
    ----------
    silence : float
        Seconds without a byte before a connection is given up.
    patience, rate : float
        A connection is given up as well when fewer than `rate` bytes per second have come, `patience` seconds set
        aside: so a file of n bytes takes at most patience + n / rate seconds, even from a server that sends a byte now
        and then.
    tries : int
        On one mirror, each going on where the last one stopped.
    """

    silence: float = 30.0
    patience: float = 60.0
    rate: float = 10_000.0
    tries: int = 3


_LIMITS = Limits()


class _Failed(Exception):
    """A mirror did not give the file; the text says why."""


class _NothingMore(_Failed):
    """A mirror has nothing beyond the bytes that are here (HTTP status 416), or says so; `total` is its file's size."""

    def __init__(self, total: int | None) -> None:
        super().__init__("it refuses to send the rest of the file (HTTP status 416)")
        self.total = total


class _Cut(_Failed):
    """The connection ended early; what came is kept."""


def fetch(file: RemoteFile, target: Path, progress: OnBytes | None = None, limits: Limits = _LIMITS) -> Path:
    """Download `file` to `target`, unless it is there already or a user has put it beside that under its own name.

    Mirrors are tried in turn. Returns where the file is.

    The bytes gather in `target` with `.partial` added, each as it comes. A later call goes on from there (HTTP Range),
    on any mirror when its sum is known; from a server that sends only whole files it takes what differs or is
    missing. The file is renamed to `target` only when its size, its sum and its first bytes are right, or, where
    none of them is known, when as many bytes have come as the server announced; an HTML page in its place is refused.

    Raises `DataError` that names every mirror's failure, or that its sum cannot be had.
    """
    if target.is_file():
        return target
    own = target.with_name(file.name)
    if own.is_file():
        if (wrong := _wrong(file, own)) is not None:
            raise DataError(
                f"'{own}' is not the file that is downloaded: {wrong}. Remove it, or put the right one there."
            )
        return own
    if file.sum_at and file.sha512 is None:
        file = replace(file, sha512=_stated_sha512(file, target, limits))
    partial = target.with_name(f"{target.name}.partial")
    failures: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for number, address in enumerate(file.addresses):
            if number and not file.has_sum:
                partial.unlink(missing_ok=True)  # nothing would tell whether two mirrors' halves belong together
            try:
                _from_mirror(file, address, partial, progress, limits)
                _make_durable(partial)
                partial.replace(target)
                return target
            except _Failed as error:
                failures.append(f"{address}: {error}")
    except OSError as error:
        raise DataError(
            f"Cannot write '{target}': {error.strerror or error}; choose another place with GLASSNET_DATA."
        ) from error
    raise DataError(
        f"Cannot download '{file.name}': {'; '.join(failures) or 'no address'}. "
        f"Try again later (what has arrived is kept), or put the file into '{target.parent}' yourself."
    )


def _stated_sha512(file: RemoteFile, target: Path, limits: Limits) -> str:
    """The SHA-512 of a package as the registry of npm states it, as hexadecimal digits. Raises `DataError`."""
    answer = target.with_name(f".{target.name.lstrip('.')}.json")
    try:
        fetch(RemoteFile(answer.name, (file.sum_at,), None, None), answer, None, limits)
        name, _, digest = str(json.loads(answer.read_bytes())["dist"]["integrity"]).partition("-")
        decoded = base64.b64decode(digest, validate=True)
        if name != "sha512" or len(decoded) != hashlib.sha512().digest_size:
            raise ValueError(name)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"'{file.sum_at}' does not state the SHA-512 of '{file.name}'; try again later.") from error
    finally:
        answer.unlink(missing_ok=True)
    return decoded.hex()


def _from_mirror(file: RemoteFile, address: str, partial: Path, progress: OnBytes | None, limits: Limits) -> None:
    """Fill `partial` from one mirror and check it. Raises `_Failed`; a wrong file is removed."""
    resumed = partial.exists()
    for attempt in range(limits.tries):
        try:
            _receive(file, address, partial, progress, limits)
            break
        except _Cut:
            if attempt == limits.tries - 1:
                raise
    problem = _wrong(file, partial)
    if problem is None:
        return
    partial.unlink(missing_ok=True)
    if not resumed:
        raise _Failed(problem)
    # The part from an earlier call may have been another version: once more from the beginning.
    _from_mirror(file, address, partial, progress, limits)


def _receive(file: RemoteFile, address: str, partial: Path, progress: OnBytes | None, limits: Limits) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    if file.size is not None and have >= file.size:
        return  # complete or too long: the check decides
    try:
        _download(file, address, partial, have, progress, limits)
    except _NothingMore as error:
        if error.total == have or (file.has_sum and _wrong(file, partial) is None):
            return
        _download(file, address, partial, 0, progress, limits)  # what is here stays, as far as it is right


def _download(
    file: RemoteFile, address: str, partial: Path, start: int, progress: OnBytes | None, limits: Limits
) -> None:
    """Ask for the bytes from `start` on, and write those that come. Raises `_Failed`."""
    # Proxies are asked not to compress, or the bytes would be others.
    request = urllib.request.Request(address, headers={"User-Agent": "glassnet", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with _answered(request, limits) as (answer, pieces):
            _refuse_other_content(answer, file)
            begin, total = _range(answer, start)
            _refuse_unknown_end(answer, file, total)
            with partial.open("r+b" if partial.exists() else "w+b") as out:
                _copy(pieces, out, file, begin, total, progress)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and start:
                match = re.fullmatch(r"bytes \*/(\d+)", (error.headers.get("Content-Range") or "").strip())
                raise _NothingMore(int(match[1]) if match else None) from error
            raise _Failed(f"HTTP status {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _Cut(f"no connection ({error.reason})") from error
    except TimeoutError as error:
        raise _Cut(f"nothing came for {limits.silence:g} seconds") from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise _Cut(f"the connection broke ({type(error).__name__})") from error


@contextlib.contextmanager
def _answered(
    request: urllib.request.Request, limits: Limits
) -> Iterator[tuple[http.client.HTTPResponse, Iterator[bytes]]]:
    """The answer to a request, and its bytes as they come.

    Another thread talks to the server: whatever that waits for - a name, a connection, a header that comes letter by
    letter - this one goes on in time. Raises `_Cut` when the server is too slow, and what `urlopen` raises.
    """
    arrived: queue.Queue[http.client.HTTPResponse | bytes | Exception] = queue.Queue(maxsize=64)
    left = threading.Event()  # nobody takes what arrives any more

    def put(item: http.client.HTTPResponse | bytes | Exception) -> None:
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                return arrived.put(item, timeout=0.2)

    def talk() -> None:
        try:
            with urllib.request.urlopen(request, timeout=limits.silence) as answer:
                put(answer)
                while not left.is_set() and (piece := answer.read1(_PIECE)):
                    put(piece)
            put(b"")
        except Exception as error:
            put(error)

    begun, received = time.monotonic(), 0

    def take() -> http.client.HTTPResponse | bytes:
        until = begun + limits.patience + received / limits.rate
        try:
            item = arrived.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise _Cut(f"it is too slow ({received:,} bytes in {time.monotonic() - begun:.1f} seconds)") from None
        if isinstance(item, Exception):
            raise item
        return item

    def pieces() -> Iterator[bytes]:
        nonlocal received
        while isinstance(piece := take(), bytes) and piece:
            received += len(piece)
            yield piece

    threading.Thread(target=talk, daemon=True).start()
    try:
        answer = take()
        assert isinstance(answer, http.client.HTTPResponse)
        yield answer, pieces()
    finally:
        left.set()


def _refuse_other_content(answer: http.client.HTTPResponse, file: RemoteFile) -> None:
    if "text/html" in (answer.headers.get("Content-Type") or ""):
        raise _Failed("it answered with a web page instead of the file")
    encoding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    # Many servers call a .gz file encoded, though it is sent as it lies there.
    labelled = encoding in ("gzip", "x-gzip") and Path(file.name).suffix.lower() in (".gz", ".tgz")
    if encoding != "identity" and not labelled:
        raise _Failed(f"it packed the file once more on its way (Content-Encoding '{encoding[:20]}')")


def _refuse_unknown_end(answer: http.client.HTTPResponse, file: RemoteFile, total: int | None) -> None:
    told = total is not None or "chunked" in (answer.headers.get("Transfer-Encoding") or "").lower()
    if file.size is None and not file.has_sum and not told:
        raise _Failed("it does not say how long the file is, so that nothing would tell whether all of it has come")


def _range(answer: http.client.HTTPResponse, start: int) -> tuple[int, int | None]:
    """(where the answer's bytes begin, size of the whole file or None)."""
    length = answer.headers.get("Content-Length")
    if answer.status != 206:
        return 0, int(length) if length and length.isdigit() else None
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", (answer.headers.get("Content-Range") or "").strip())
    if match is None or int(match[1]) != start:
        raise _Failed("it answered with another part of the file than was asked for")
    if match[2] != "*":
        return start, int(match[2])
    return start, start + int(length) if length and length.isdigit() else None


def _copy(
    pieces: Iterator[bytes],
    out: BinaryIO,
    file: RemoteFile,
    have: int,
    total: int | None,
    progress: OnBytes | None,
) -> None:
    """Write the bytes of the file from `have` on. Those that are there already stay until the first that differs."""
    limit = file.size if file.size is not None else total
    for piece in pieces:
        if have == 0 and _is_web_page(piece):
            raise _Failed("it answered with a web page instead of the file")
        out.seek(have)
        there = out.read(len(piece))
        if there != piece:
            if not piece.startswith(there):
                out.truncate(have)
            out.seek(have)
            out.write(piece)
        have += len(piece)
        if progress is not None:
            progress(file.name, have, limit)
        if limit is not None and have > limit:
            return  # longer than stated: the check refuses it
    if total is not None and have < total:
        raise _Cut(f"the connection ended after {have} of {total} bytes")
    out.truncate(have)


def _is_web_page(begin: bytes) -> bool:
    return begin.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml"))


def _wrong(file: RemoteFile, partial: Path) -> str | None:
    """What is wrong with a complete download, or None."""
    if not partial.is_file():
        return "nothing arrived"
    size = partial.stat().st_size
    if file.size is not None and size != file.size:
        return f"it gave {size} bytes where {file.size} are right"
    with partial.open("rb") as opened:
        begin = opened.read(64)
        for name, right in (("SHA-256", file.sha256), ("SHA-512", file.sha512)):
            if right is not None:
                opened.seek(0)
                digest = hashlib.file_digest(opened, name.replace("-", "")).hexdigest()
                if not digest.startswith(right):
                    return f"its {name} is {digest[:12]}... where {right[:12]}... is right"
    if _is_web_page(begin):
        return "it answered with a web page instead of the file"
    magic = _MAGIC.get(Path(file.name).suffix.lower())
    if magic is not None and not begin.startswith(magic):
        return f"what it gave is not a {Path(file.name).suffix} file"
    return None


def _make_durable(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def unpack(archive: Path, target: Path, take: str) -> list[Path]:
    """Unpack the members of a zip or tar archive whose base names match `take` into the folder `target`, without
    their folders.

    Only plain files are taken and only under their base names, so no member can reach outside `target`. They are
    unpacked beside it and renamed when all are there. Raises `DataError` when the archive is damaged, holds no such
    member or more
    than 4 GiB of them.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    try:
        names = [_unpack_member(name, stream, waiting) for name, stream in _members(archive, take)]
        if not names:
            raise DataError(
                f"The archive '{archive}' holds none of the expected files; it is another archive or was changed."
            )
        if not target.exists():
            waiting.chmod(0o755)  # a temporary folder is closed to others
            waiting.replace(target)  # all files appear in one step
        else:
            for name in names:
                (waiting / name).replace(target / name)
        return [target / name for name in names]
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise DataError(f"Cannot unpack '{archive}': {error}. Remove it and download it again.") from error
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def _members(archive: Path, take: str) -> Iterator[tuple[str, BinaryIO]]:
    """(base name, stream) of the plain files in the archive whose base names match."""
    total = 0
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                name = PurePosixPath(member.filename.replace("\\", "/")).name
                if not member.is_dir() and _wanted(name, take):
                    total = within_limit(total + member.file_size, archive)
                    with packed.open(member) as stream:
                        yield name, stream  # type: ignore[misc]
        return
    with tarfile.open(archive, "r:*") as tar:
        for entry in tar:
            name = PurePosixPath(entry.name.replace("\\", "/")).name
            if entry.isfile() and _wanted(name, take):
                total = within_limit(total + entry.size, archive)
                opened = tar.extractfile(entry)
                if opened is not None:
                    with contextlib.closing(opened):
                        yield name, opened  # type: ignore[misc]


def _wanted(name: str, take: str) -> bool:
    return name not in ("", ".", "..") and re.fullmatch(take, name) is not None


def within_limit(total: int, archive: Path) -> int:
    """How many bytes an archive has given. Raises `DataError` where they are more than any set has."""
    if total > _MOST_UNPACKED:
        raise DataError(
            f"The archive '{archive}' unpacks to more than {_MOST_UNPACKED // 2**30} GiB; it is damaged or hostile."
        )
    return total


def _unpack_member(name: str, stream: BinaryIO, folder: Path) -> str:
    with (folder / name).open("wb") as out:
        shutil.copyfileobj(stream, out, _PIECE)
        out.flush()
        os.fsync(out.fileno())
    return name
