"""PyTorch files read without PyTorch: both forms, every kind of number, and whatever is not a table of tensors."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from glassnet.errors import ModelError
from glassnet.nn.torch_file import is_torch_file, read_torch
from glassnet.nn.torchvision import read_tensors

FORMS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old"])


def saved(value: Any, zipped: bool) -> bytes:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


@FORMS
def test_tensors_as_pytorch_saves_them(zipped: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    whole = torch.randn(4, 6)
    tensors = {
        "turned": torch.randn(3, 5).t(),
        "part": whole[1:3, ::2],
        "shared": whole,
        "number": torch.tensor(7),
        "none": torch.zeros(0, 3),
        "trained": torch.nn.Parameter(torch.randn(2, 2, 2)),
        **{
            kind: (10 * torch.randn(5)).to(getattr(torch, kind))
            for kind in ("float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
        },
    }
    (tmp_path / "x.pth").write_bytes(saved(tensors, zipped))
    found = read_tensors(tmp_path / "x.pth")
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        wanted = (tensor.float() if name == "bfloat16" else tensor).detach().numpy()
        assert found[name].dtype == wanted.dtype and found[name].flags.c_contiguous
        np.testing.assert_array_equal(found[name], wanted)


@FORMS
def test_the_state_of_a_module(zipped: bool) -> None:
    """It is an `OrderedDict` with attributes of its own."""
    nn = pytest.importorskip("torch").nn
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(3, 2))
    found = read_torch(saved(module.state_dict(), zipped), "x.pth")
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


class Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("touched-by-a-pickle"),))


@FORMS
@pytest.mark.parametrize("value", [{"a": Evil()}, [1, 2], {"a": 3}, {3: None}, {"a": {"b": 1}}, {"a": print}, "text"])
def test_anything_else_is_refused(value: Any, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"'x\.pth' asks for .* Nothing of it was run") as error:
        read_torch(saved(value, zipped), "x.pth")
    assert "\n" not in str(error.value) and not (tmp_path / "touched-by-a-pickle").exists()


def test_whole_modules_are_refused(tmp_path: Path) -> None:
    nn = pytest.importorskip("torch").nn
    with pytest.raises(ModelError, match=r"asks for 'torch\.nn\.modules"):
        read_torch(saved(nn.Linear(2, 2), True), "x.pth")


@FORMS
def test_a_damaged_file_is_one_line(zipped: bool) -> None:
    torch = pytest.importorskip("torch")
    content = saved({"a": torch.arange(30.0), "b": torch.arange(4.0)}, zipped)
    rng = np.random.default_rng(0)
    for length in (0, 1, 9, 40, len(content) // 2, len(content) - 1):
        if is_torch_file(content[:length]):
            with pytest.raises(ModelError, match=r"x\.pth"):
                read_torch(content[:length], "x.pth")
    for _ in range(200):
        broken = bytearray(content)
        broken[rng.integers(len(broken))] = rng.integers(256)
        try:
            read_torch(bytes(broken), "x.pth")
        except ModelError as error:
            assert "\n" not in str(error)


def old(value: bytes, keys: Any = ("0",), numbers: bytes = b"", machine: Any = None) -> bytes:
    """A file of the old form with a pickle of one's own."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True} if machine is None else machine]
    return b"".join(pickle.dumps(part, 2) for part in head) + value + pickle.dumps(list(keys), 2) + numbers


def tensor(shape: str, strides: str, count: int = 4, start: int = 0) -> bytes:
    """The pickle of {'a': a tensor of a storage of `count` floats}."""
    return (
        b"(dS'a'\nctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\n"
        + f"I{count}\ntQI{start}\n({shape}t({strides}tI00\nNtRs.".encode()
    )


FOUR = struct.pack("<q4f", 4, 1, 2, 3, 4)


def test_a_file_by_hand() -> None:
    found = read_torch(old(tensor("I2\nI2\n", "I1\nI2\n"), numbers=FOUR), "x.pth")
    np.testing.assert_array_equal(found["a"], [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (old(tensor("I5\n", "I1\n"), numbers=FOUR), "larger than its storage"),
        (old(tensor("I4\n", "I1\n", start=1), numbers=FOUR), "larger than its storage"),
        (old(tensor("I1000000\nI1000000\n", "I0\nI0\n"), numbers=FOUR), "larger than its storage"),
        (old(tensor("I4\n", "I-1\n"), numbers=FOUR), "something else than a storage"),
        (old(tensor("I2\nI2\n", "I1\n"), numbers=FOUR), "strides"),
        (old(tensor("I4\n", "I1\n"), numbers=FOUR[:-1]), "without its numbers"),
        (old(tensor("I4\n", "I1\n", count=5), numbers=FOUR), "another length"),
        (old(tensor("I4\n", "I1\n"), keys=["1"], numbers=FOUR), "not those that it names"),
        (old(tensor("I4\n", "I1\n"), machine={"little_endian": False}, numbers=FOUR), "byte order"),
        (pickle.dumps({"a": 1}, 2) * 3, "another program's"),
    ],
)
def test_numbers_that_do_not_fit(content: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_torch(content, "x.pth")


def test_a_zip_file_that_is_packed_or_something_else() -> None:
    for method, name, says in ((zipfile.ZIP_DEFLATED, "x/data.pkl", "compressed"), (0, "x/other", "lacks 'data.pkl'")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr(name, pickle.dumps({}, 2) * 1000)
        with pytest.raises(ModelError, match=says):
            read_torch(file.getvalue(), "x.pth")


def test_a_safetensors_file_is_none(tmp_path: Path) -> None:
    """The length of its header stands first, which may be any number: 0x80 here, with which a pickle begins."""
    for padding in range(300):
        save_file({"a" * padding: np.zeros(1, np.float32)}, tmp_path / "w.safetensors")
        content = (tmp_path / "w.safetensors").read_bytes()
        if content[0] == 0x80:
            break
    assert content[0] == 0x80 and not is_torch_file(content)
    assert list(read_tensors(tmp_path / "w.safetensors")) == ["a" * padding]
