"""A model as an ONNX file, compared with the model itself; or as a page that answers drawings by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.actions.predict import find_pictures
from glassnet.errors import ModelError
from glassnet.files import atomic_write, write_text
from glassnet.imagenet import open_model
from glassnet.interop.onnx.agreement import Agreement, compare, generated_pictures
from glassnet.interop.onnx.build import OPSET
from glassnet.interop.onnx.export import choose_pixels, to_onnx
from glassnet.interop.onnx.library import runtime_library
from glassnet.interop.standalone import standalone_page
from glassnet.model import Model

__all__ = ["Exported", "ExportedPage", "export", "export_page", "is_page"]

_GENERATED = 16  # pictures to compare on


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how it agrees with the model.

    Attributes
    ----------
    file : Path
        The file.
    size : int
        Its bytes.
    opset : int
        The version of ONNX's operators that it uses.
    pixels : str
        The type of the numbers that it takes: uint8, or float32 in 0..1.
    input_shape : tuple of int
        (C, H, W) of a picture, or (d,) of a row.
    outputs : int
        Scores for each.
    runtime : str
        The version of onnxruntime that it was compared in; "" where that is not installed.
    agreement : Agreement or None
        What was found there.
    generated : bool
        Whether the pictures for it were generated.
    notes : tuple of str
        What was passed over in folders of pictures.
    """

    file: Path
    size: int
    opset: int
    pixels: str
    input_shape: tuple[int, ...]
    outputs: int
    runtime: str
    agreement: Agreement | None
    generated: bool
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was found that differs."""
        return self.agreement is None or self.agreement.agrees

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = asdict(self)
        if self.agreement is not None:
            found["agreement"] |= {"relative": self.agreement.relative, "agrees": self.agreement.agrees}
        return found


@dataclass(frozen=True)
class ExportedPage:
    """A page that was written.

    Attributes
    ----------
    file : Path
        The file.
    size : int
        Its bytes.
    image_shape : tuple of int
        (H, W, C) of what the network sees.
    classes : int
        How many it tells apart.
    """

    file: Path
    size: int
    image_shape: tuple[int, ...]
    classes: int

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


def is_page(file: str | Path) -> bool:
    """Whether a file that is to be written is a page: NAME.html."""
    return Path(file).suffix.lower() in (".html", ".htm")


def export_page(model: str | Path, file: str | Path, *, weights: str | Path | None = None) -> ExportedPage:
    """Write a model as one HTML file to draw on, which answers without Python; see `standalone_page`.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    file : str or path
        The file to write, `NAME.html`.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model is too large, or something cannot be read, written or computed there; nothing is written then.
    """
    target = Path(file)
    if not is_page(target) or target.is_dir():
        raise ModelError(f"A page is a file called NAME.html. Got '{target}' instead.")
    loaded = open_model(model, weights)
    write_text(target, standalone_page(loaded))
    return ExportedPage(target, target.stat().st_size, loaded.image_shape, len(loaded.class_names))


def export(
    model: str | Path,
    file: str | Path,
    *,
    pixels: str = "",
    pictures: Sequence[str | Path] = (),
    weights: str | Path | None = None,
) -> Exported:
    """Write a model as an ONNX file, whole or not at all, and compare the two where onnxruntime is installed.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    file : str or path
        The file to write, `NAME.onnx`.
    pixels : str
        "uint8" or "float32"; "" takes uint8, for rows of features float32.
    pictures : sequence of paths
        Picture files, or folders of them, to compare on; () generates some.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The package onnx is not installed, or something cannot be read, written or expressed; nothing is written then.
    """
    target = Path(file)
    if target.is_dir():
        raise ModelError(f"'{target}' is a folder; name a file in it, as in '{target / 'model.onnx'}'.")
    if target.suffix.lower() != ".onnx":
        raise ModelError(f"An ONNX file is called NAME.onnx, a page to draw on NAME.html. Got '{target}' instead.")
    loaded = open_model(model, weights)
    loaded.task.require_pictures("An ONNX file is of a network of one size.")
    pixels = choose_pixels(loaded, pixels)
    images, notes = _pictures(loaded, pixels, pictures)
    content = to_onnx(loaded, pixels)
    runtime = runtime_library()
    agreement = None if runtime is None else compare(content, loaded, images)
    with atomic_write(target) as opened:
        opened.write(content)
    height, width, channels = loaded.image_shape
    return Exported(
        target,
        len(content),
        OPSET,
        pixels,
        (channels,) if loaded.takes_rows else (channels, height, width),
        int(np.prod(loaded.network.output_shape)),
        "" if runtime is None else str(runtime.__version__),
        agreement,
        not pictures,
        notes,
    )


def _pictures(model: Model, pixels: str, paths: Sequence[str | Path]) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Pictures to compare on, and what was passed over. Raises `GlassnetError` where one cannot be read."""
    if not paths:
        return generated_pictures(model, _GENERATED, pixels), ()
    if model.takes_rows:
        raise ModelError("This model takes rows of features, not pictures.")
    files, failed, notes = find_pictures([Path(path) for path in paths])
    for error in failed.values():
        raise error
    images = np.stack([model.read(path)[0] for path in files])
    return (images / np.float32(255) if pixels == "float32" else images), notes
