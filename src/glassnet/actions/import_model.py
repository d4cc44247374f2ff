"""A model file from an ONNX file, or from the weights of another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.places import new_folder
from glassnet.data.names import normal
from glassnet.errors import ModelError
from glassnet.files import exists, read_text
from glassnet.interop.importing import Foreign, Said, foreign_model

__all__ = ["Imported", "import_model"]

_MODEL = "model.safetensors"


@dataclass(frozen=True, eq=False)
class Imported:
    """The file that was written, and what it was made of.

    Attributes
    ----------
    file : Path
        The model file.
    found : Foreign
        The model, the kind of the source, which module each layer was taken from, and notes.
    """

    file: Path
    found: Foreign

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        model = self.found.model
        return {
            "file": self.file,
            "kind": self.found.kind,
            "network": model.network.notation(),
            "parameters": model.network.size,
            "input_shape": list(model.image_shape),
            "preprocess": model.preprocess.notation(),
            "class_names": list(model.class_names),
            "sha256": model.sha256,
            "modules": [{"layer": layer, "module": module} for layer, module in self.found.modules.items()],
            "notes": list(self.found.notes),
        }


def import_model(
    source: str | Path,
    *,
    network: str = "",
    out: str | Path | None = None,
    input_shape: Sequence[int] = (),
    classes: str = "",
    mean: Sequence[float] = (),
    deviation: Sequence[float] = (),
) -> Imported:
    """Write a model file from an ONNX file, or from tensors (`.safetensors`, `.pth`); nothing of the file is run.

    Parameters
    ----------
    source : str or path
        The file.
    network : str
        The network that tensors are of: a named one, or a notation. Of an ONNX file that glassnet did not write: a
        published network whose preprocessing and class names it shares.
    out : path, optional
        A file, `NAME.safetensors`, or a folder for `model.safetensors` that holds nothing yet; None is `runs/NAME`.
    input_shape : sequence of int
        (H, W, C) where neither the file nor the network's name says it.
    classes : str
        The names of the classes: a text file with one on each line, or the names with commas between them.
    mean, deviation : sequence of float
        Of each channel, by which pictures in 0..1 are standardised.

    Raises
    ------
    GlassnetError
        Something cannot be read, used or written; nothing is written then.
    """
    source = Path(source)
    target = _target(source, None if out is None else Path(out))
    said = Said(network, tuple(input_shape), _names(classes), tuple(mean), tuple(deviation))
    found = foreign_model(source, said)
    found.model.save(target)
    return Imported(target, found)


def _target(source: Path, out: Path | None) -> Path:
    """Where the model file goes. Raises `GlassnetError` where it cannot go there."""
    if out is not None and out.suffix == ".safetensors" and not out.is_dir():
        if exists(out) and exists(source) and out.samefile(source):
            raise ModelError(f"'{out}' is the file that is read; name another.")
        return out
    return new_folder(out, Path("runs") / source.stem) / _MODEL


def _names(classes: str) -> tuple[str, ...]:
    if not classes:
        return ()
    lines = read_text(classes, "a text file with a class on each line").splitlines() if exists(classes) else None
    names = classes.split(",") if lines is None else lines
    return tuple(normal(name.strip()) for name in names if name.strip())
