"""The list of named networks, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassnet.actions.networks import list_networks
from glassnet.cli import main
from glassnet.cli.networks import _short
from glassnet.nn import Network
from glassnet.nn.named import NAMED
from glassnet.weights import PRETRAINED


def test_every_named_network_with_its_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / PRETRAINED["resnet-18"].file).touch()
    found = {network.name: network for network in list_networks().networks}
    assert list(found) == list(NAMED)
    assert {name for name, network in found.items() if network.weights} == {"resnet-18"}
    assert {name for name, network in found.items() if network.published} == set(PRETRAINED)
    # published sizes, and multiplications and additions of a picture
    assert found["resnet-152"].parameters == 60_192_808 and found["efficientnet-lite0"].parameters == 4_652_008
    assert found["efficientnet-lite0"].flops == pytest.approx(2 * 407e6, rel=0.05)
    assert found["resnet-50"].flops == pytest.approx(2 * 4.09e9, rel=0.05)
    for name in ("lenet-5", "vgg-small"):
        network = Network(name, NAMED[name].use.input_shape, NAMED[name].use.classes)
        assert (found[name].parameters, found[name].flops) == (network.size, network.flops)


def test_the_command_fits_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    assert main(["networks", "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert max(map(len, table)) <= 80 and all(any(line.startswith(name) for line in table) for name in NAMED)
    assert next(line for line in table if line.startswith("resnet-50")).split()[-2:] == ["not", "yet"]
    assert {network["name"] for network in json.loads(last)["networks"]} == set(NAMED)


@pytest.mark.parametrize(
    ("count", "text"), [(785, "785"), (61_706, "61.7 k"), (4_652_008, "4.65 M"), (8.2e9, "8.20 G")]
)
def test_counts_in_three_figures(count: int, text: str) -> None:
    assert _short(count) == text
