"""Fooling pictures as PNG files that carry a receipt, and the check of receipts that anybody wrote.

A receipt is JSON in the PNG's text chunk `glassnet`: which model (the SHA-256 of its contents), which original (that of
its pixels), the label and the answer, how it was made, and how large the change is, in whole steps of a byte. A check
reads and predicts the pixels again, and compares them with the original's.

JPEG cannot be used: it changes pixels by several steps, more than most fooling changes are large.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from glassnet.data import Reading, read_picture
from glassnet.data.pictures import open_picture, pictures_in
from glassnet.errors import DataError
from glassnet.files import atomic_write, open_plain
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array

__all__ = [
    "Checked",
    "Receipt",
    "check_folder",
    "named_models",
    "pixels_sha256",
    "read_receipt",
    "refuse_jpeg",
    "write_picture",
]

FOOLS = "fools"
_CHUNK, _FORMAT = "glassnet", "glassnet-fooling-1"


@dataclass(frozen=True)
class Receipt:
    """What a fooling picture says of itself.

    Attributes
    ----------
    model : str
        What the model was called: its file, its run folder, or a network's name.
    model_sha256 : str
        Of the model's contents, as `Model.sha256` gives it.
    original_sha256 : str
        Of the original's shape and pixels, see `pixels_sha256`.
    label, answer : str
        The right class of the original, and the class that the model sees in the picture.
    target : str
        The class that was wanted; empty where any wrong one was.
    attack : str
        How it was made, as it is written.
    seed : int
        Of its random numbers.
    steps : int
        The largest change of a pixel, in steps of 1/255.
    l2 : float
        The length of the change, of pixels in [0, 1].

    Examples
    --------
    >>> from glassnet.attack import Receipt, pixels_sha256
    >>> original = np.zeros((8, 8, 1), np.uint8)
    >>> receipt = Receipt("runs/mine", "0" * 64, pixels_sha256(original), "3", "8", "", "fab", 0, 4, 0.05)
    >>> receipt.label, receipt.answer
    ('3', '8')
    """

    model: str
    model_sha256: str
    original_sha256: str
    label: str
    answer: str
    target: str
    attack: str
    seed: int
    steps: int
    l2: float


@dataclass(frozen=True)
class Checked:
    """What became of a picture when it was looked at again.

    Attributes
    ----------
    file : Path
        The picture.
    receipt : Receipt or None
        What it says.
    verdict : str
        "fools" where everything holds, else what does not.

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.attack import Checked
    >>> found = Checked(Path("3.png"), None, "no original")  # as `check_folder` gives them
    >>> found.fools, found.describe()
    (False, 'no original')
    """

    file: Path
    receipt: Receipt | None
    verdict: str

    @property
    def fools(self) -> bool:
        """Whether everything holds."""
        return self.verdict == FOOLS

    def describe(self) -> str:
        """The verdict in words, with the size of a change that fools."""
        if not self.fools or self.receipt is None:
            return self.verdict
        found = self.receipt
        return f"fools: {found.label} seen as {found.answer}, at most {found.steps}/255 a pixel, length {found.l2:.4f}"


def pixels_sha256(picture: Array) -> str:
    """The SHA-256 of a picture's shape and bytes, (H, W, C) uint8.

    Examples
    --------
    >>> from glassnet.attack import pixels_sha256
    >>> len(pixels_sha256(np.zeros((8, 8, 1), np.uint8)))
    64
    """
    digest = hashlib.sha256("x".join(map(str, picture.shape)).encode())
    digest.update(np.ascontiguousarray(picture, np.uint8).data)
    return digest.hexdigest()


def write_picture(path: Path, picture: Array, reading: Reading, receipt: Receipt | None = None) -> None:
    """Write (H, W, C) uint8 pixels as a PNG file that `reading` brings to these very pixels.

    A reading that crops sees the middle of the file; its rim repeats the outermost pixels.

    Raises
    ------
    GlassnetError
        The file cannot be written, or is to be called a JPEG.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.attack import write_picture
    >>> from glassnet.data import Reading, read_picture
    >>> picture = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_picture(Path(folder, "3.png"), picture, Reading())
    ...     bool((read_picture(Path(folder, "3.png"), (8, 8, 1)) == picture).all())
    True
    """
    refuse_jpeg(path)
    pixels = picture
    if reading.shortest_side is not None:
        side, (height, width, _) = reading.shortest_side, picture.shape
        top, left = round((side - height) / 2), round((side - width) / 2)
        rim = ((top, side - height - top), (left, side - width - left), (0, 0))
        pixels = np.pad(picture, rim, mode="edge")
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    text = PngImagePlugin.PngInfo()
    if receipt is not None:
        text.add_text(_CHUNK, json.dumps({"format": _FORMAT, **asdict(receipt)}))
    content = io.BytesIO()
    image.save(content, "PNG", pnginfo=text, compress_level=3)
    with atomic_write(path) as file:
        file.write(content.getvalue())


def refuse_jpeg(path: Path) -> None:
    """Raise `DataError` for a name that is a JPEG's.

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.attack import refuse_jpeg
    >>> refuse_jpeg(Path("3.png"))
    >>> refuse_jpeg(Path("3.jpg"))
    Traceback (most recent call last):
    ...
    glassnet.errors.DataError: '3.jpg' would be a JPEG, ...
    """
    if path.suffix.lower() in (".jpg", ".jpeg", ".jfif", ".jpe"):
        raise DataError(
            f"'{path}' would be a JPEG, which changes the pixels and undoes the fooling; PNG files are written, into a"
            " folder that you name."
        )


def read_receipt(path: Path) -> Receipt | None:
    """The receipt of a PNG file; None where it has none.

    Raises
    ------
    DataError
        The file cannot be read, or has a receipt that cannot be understood.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.attack import Receipt, pixels_sha256, read_receipt, write_picture
    >>> from glassnet.data import Reading
    >>> picture = np.zeros((8, 8, 1), np.uint8)
    >>> receipt = Receipt("runs/mine", "0" * 64, pixels_sha256(picture), "3", "8", "", "fab", 0, 4, 0.05)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_picture(Path(folder, "3.png"), picture, Reading(), receipt)
    ...     read_receipt(Path(folder, "3.png")) == receipt
    True
    """
    try:
        with open_plain(path) as file, open_picture(file) as image:
            image.load()
            text = getattr(image, "text", {}).get(_CHUNK)
    except UnidentifiedImageError:
        return None
    except Exception as error:  # whatever Pillow raises for a damaged file
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"Cannot read '{path}': {reason}. Leave it out, or make it again.") from error
    return None if text is None else _parsed(text, path)


def _parsed(text: str, path: Path) -> Receipt:
    try:
        found: dict[str, Any] = json.loads(text, parse_constant=float, parse_int=_small_int)
        if found.pop("format") != _FORMAT:
            raise ValueError
        receipt = Receipt(**found)
        for field in fields(Receipt):
            kinds = {"int": (int,), "float": (int, float), "str": (str,)}[str(field.type)]
            value = getattr(receipt, field.name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise TypeError
        if not 0 <= receipt.steps <= 255 or not 0 <= receipt.l2 < 1e6:
            raise ValueError
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"The receipt of '{path}' cannot be understood.") from error
    return receipt


def _small_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError
    return int(digits)


def named_models(folder: Path) -> set[str]:
    """What the receipts of a folder call their models; receipts that cannot be understood name none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.attack import Receipt, named_models, pixels_sha256, write_picture
    >>> from glassnet.data import Reading
    >>> picture = np.zeros((8, 8, 1), np.uint8)
    >>> receipt = Receipt("runs/mine", "0" * 64, pixels_sha256(picture), "3", "8", "", "fab", 0, 4, 0.05)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_picture(Path(folder, "3.png"), picture, Reading(), receipt)
    ...     named_models(Path(folder))
    {'runs/mine'}
    """
    found = set()
    for file in pictures_in(folder):
        with contextlib.suppress(DataError):
            receipt = read_receipt(file) if file.is_file() and file.suffix.lower() == ".png" else None
            found |= set() if receipt is None else {receipt.model}
    return found


def check_folder(folder: Path, model: Model) -> list[Checked]:
    """Look at every picture of a folder again: what it says, what the model sees in it, and how far it is from its
    original.

    Originals are pictures of the folder, or of its folder `originals`, without a receipt; they are known by their
    pixels, whatever they are called. How a picture was made (`attack`, `seed`) cannot be seen in it and is not checked.

    Parameters
    ----------
    folder : Path
        Pictures with receipts.
    model : Model
        The model that they are said to fool.

    Raises
    ------
    DataError
        The folder cannot be read, or holds no picture with a receipt.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import glassnet
    >>> from glassnet.attack import Receipt, check_folder, pixels_sha256, write_picture
    >>> model = glassnet.fit("digits", "linear", epochs=1, verbose=False).model
    >>> original = np.zeros((8, 8, 1), np.uint8)
    >>> receipt = Receipt("mine", "0" * 64, pixels_sha256(original), "3", "8", "", "fab", 0, 4, 0.05)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_picture(Path(folder, "original.png"), original, model.reading)
    ...     write_picture(Path(folder, "fooling.png"), original + np.uint8(4), model.reading, receipt)
    ...     [found.fools for found in check_folder(Path(folder), model)]  # it is of another model
    [False]
    """
    checked: list[Checked] = []
    receipts: list[tuple[Path, Receipt]] = []
    plain = [f for f in pictures_in(folder / "originals") if f.is_file()] if (folder / "originals").is_dir() else []
    for file in pictures_in(folder):
        if not file.is_file():
            continue
        try:
            receipt = read_receipt(file) if file.suffix.lower() == ".png" else None
        except DataError as error:
            checked.append(Checked(file, None, error.message))
            continue
        if receipt is None:
            plain.append(file)
        else:
            receipts.append((file, receipt))
    if not receipts and not checked:
        raise DataError(f"No picture in '{folder}' has a receipt. Name a folder of fooling pictures.")
    originals = _originals(plain, model)
    own = model.sha256
    checked += [Checked(file, receipt, _verdict(file, receipt, model, own, originals)) for file, receipt in receipts]
    return sorted(checked, key=lambda found: found.file.name)


def _originals(files: list[Path], model: Model) -> dict[str, Array]:
    """Pictures by their SHA-256; one that cannot be read is no original."""
    found: dict[str, Array] = {}
    for file in files:
        with contextlib.suppress(DataError):
            pixels = read_picture(file, model.image_shape, model.reading)
            found[pixels_sha256(pixels)] = pixels
    return found


def _verdict(file: Path, receipt: Receipt, model: Model, own: str, originals: dict[str, Array]) -> str:
    if receipt.model_sha256 != own:
        return "made for another model"
    names = model.class_names
    if receipt.label not in names or receipt.answer not in names or receipt.target not in (*names, ""):
        return "names a class that the model does not have"
    try:
        pixels = read_picture(file, model.image_shape, model.reading)
    except DataError as error:
        return error.message
    answer = _answer(model, pixels)
    if answer != receipt.answer:
        return f"is seen as {answer or 'a tie'}, not as {receipt.answer}"
    if receipt.target and receipt.target != answer:
        return f"is seen as {answer}, where {receipt.target} was wanted"
    if answer == receipt.label:
        return f"does not fool: {answer} is its label"
    original = originals.get(receipt.original_sha256)
    if original is None:
        return "its original is not in the folder"
    if _answer(model, original) != receipt.label:
        return f"its original is not seen as {receipt.label}"
    change = pixels.astype(np.int64) - original
    steps, l2 = int(np.abs(change).max(initial=0)), float(np.sqrt((change**2).sum()) / 255)
    if steps != receipt.steps or not abs(l2 - receipt.l2) <= 1e-6 * max(1.0, l2):
        return f"the change is {steps}/255 and {l2:.4f}, not {receipt.steps}/255 and {receipt.l2:.4f} as it says"
    return FOOLS


def _answer(model: Model, picture: Array) -> str:
    """The class that a model sees; empty where two are equally likely."""
    scores = model.scores(picture[None])[0]
    best = np.flatnonzero(scores == scores.max())
    return model.class_names[int(best[0])] if len(best) == 1 else ""
