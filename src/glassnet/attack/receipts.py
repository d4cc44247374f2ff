"""Fooling pictures as PNG files that carry a receipt, and the check of receipts that anybody wrote.

A receipt is JSON in the PNG's text chunk `glassnet`: which model (the SHA-256 of its contents), which original (that of
its pixels), the label and the answer, how it was made, and how large the change is, in whole steps of a byte. A check
trusts none of it: the pixels are read and predicted again and compared with the original's.

JPEG cannot be used: it changes pixels by several steps, more than most fooling changes are large.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from glassnet.data import Reading, read_picture
from glassnet.data.pictures import pictures_in
from glassnet.errors import DataError
from glassnet.files import atomic_write, open_plain
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array

__all__ = ["Checked", "Receipt", "check_folder", "pixels_sha256", "read_receipt", "refuse_jpeg", "write_picture"]

_CHUNK, _FORMAT = "glassnet", "glassnet-fooling-1"


@dataclass(frozen=True)
class Receipt:
    """What a fooling picture says of itself.

    Attributes
    ----------
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
    """

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
    """

    file: Path
    receipt: Receipt | None
    verdict: str

    @property
    def fools(self) -> bool:
        """Whether everything holds."""
        return self.verdict == "fools"


def pixels_sha256(picture: Array) -> str:
    """The SHA-256 of a picture's shape and bytes, (H, W, C) uint8."""
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
    """Raise `DataError` for a name that is a JPEG's."""
    if path.suffix.lower() in (".jpg", ".jpeg", ".jfif", ".jpe"):
        raise DataError(
            f"'{path}' would be a JPEG, which changes the pixels and undoes the fooling; PNG files are written, into a"
            " folder that you name."
        )


def read_receipt(path: Path) -> Receipt | None:
    """The receipt of a picture; None where it has none that can be understood. Raises `DataError`."""
    try:
        with open_plain(path) as file, Image.open(file, formats=("PNG",)) as image:
            image.load()
            found: dict[str, Any] = json.loads(image.text[_CHUNK])  # type: ignore[attr-defined]
        if found.pop("format") != _FORMAT:
            return None
        receipt = Receipt(**found)
    except OSError as error:
        if isinstance(error, UnidentifiedImageError):
            return None
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, SyntaxError, Image.DecompressionBombError):
        return None
    numbers = isinstance(receipt.steps, int) and isinstance(receipt.l2, float | int)
    texts = (receipt.model_sha256, receipt.original_sha256, receipt.label, receipt.answer, receipt.target)
    return receipt if numbers and all(isinstance(text, str) for text in texts) else None


def check_folder(folder: Path, model: Model) -> list[Checked]:
    """Look at every picture of a folder again: what it says, what the model sees in it, and how far it is from its
    original.

    Originals are pictures of the folder, or of its folder `originals`, without a receipt; they are known by their
    pixels, whatever they are called.

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
    """
    files = pictures_in(folder)
    places = [folder / "originals"] if (folder / "originals").is_dir() else []
    receipts = {file: read_receipt(file) if file.suffix.lower() == ".png" else None for file in files}
    fooling = [file for file, receipt in receipts.items() if receipt is not None]
    if not fooling:
        raise DataError(f"No picture in '{folder}' has a receipt; `fool` writes them.")
    originals: dict[str, Array] = {}
    for file in [f for f in files if receipts[f] is None] + [f for place in places for f in pictures_in(place)]:
        pixels = read_picture(file, model.image_shape, model.reading)
        originals[pixels_sha256(pixels)] = pixels
    own = model.sha256
    checked = []
    for file in fooling:
        receipt = receipts[file]
        assert receipt is not None
        checked.append(Checked(file, receipt, _verdict(file, receipt, model, own, originals)))
    return checked


def _verdict(file: Path, receipt: Receipt, model: Model, own: str, originals: dict[str, Array]) -> str:
    if receipt.model_sha256 != own:
        return "made for another model"
    names = model.class_names
    if receipt.label not in names or receipt.answer not in names or receipt.target not in (*names, ""):
        return "names a class that the model does not have"
    pixels = read_picture(file, model.image_shape, model.reading)
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
    if steps != receipt.steps or abs(l2 - receipt.l2) > 1e-6 * max(1.0, l2):
        return f"the change is {steps}/255 and {l2:.4f}, not {receipt.steps}/255 and {receipt.l2:.4f} as it says"
    return "fools"


def _answer(model: Model, picture: Array) -> str:
    """The class that a model sees; empty where two are equally likely."""
    scores = model.scores(picture[None])[0]
    best = np.flatnonzero(scores == scores.max())
    return model.class_names[int(best[0])] if len(best) == 1 else ""
