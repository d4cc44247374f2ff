"""One record says all that is known of a named network; whatever lists named networks agrees with it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from glassnet.bench import KNOWN
from glassnet.imagenet import PRETRAINED
from glassnet.nn import Network, parse_loss
from glassnet.nn.named import NAMED, NamedNetwork, expand
from glassnet.nn.torchvision import to_torchvision
from glassnet.optim import OPTIMIZERS

DOCS = Path(__file__).parents[1] / "docs"
LARGE = {"resnet-50", "resnet-152"}  # tens of millions of weights


@pytest.mark.parametrize("name", NAMED)
def test_the_record_of_a_network(name: str) -> None:
    record = NAMED[name]
    assert record.name == name == name.strip().lower() and record.about
    assert expand(name) == expand(f" {name.upper()} ") == record.notation
    assert record.use.optimizer in OPTIMIZERS and parse_loss(record.use.loss).notation() == record.use.loss
    cases = KNOWN[name]
    assert [case.batch for case in cases] == list(record.use.batches)
    for case in cases:
        assert (case.network, case.input_shape, case.classes) == (name, record.use.input_shape, record.use.classes)
        assert (case.optimizer, case.loss) == (record.use.optimizer, record.use.loss)
        assert (case.mode == "train") == record.use.trains
    assert f"`{name}`" in (DOCS / "notation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in NAMED if name not in LARGE])
def test_a_named_network_takes_what_its_record_says(name: str) -> None:
    use = NAMED[name].use
    network = Network(name, use.input_shape, use.classes)
    assert network.output_shape == (use.classes,)


@pytest.mark.parametrize("name", PRETRAINED)
def test_the_published_weights_of_a_network(name: str) -> None:
    published = NAMED[name].published
    assert published is not None and PRETRAINED[name] is published
    page = (DOCS / "pretrained.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
    assert published.address in row and f"`weights/{published.file}`" in row
    stated = [f"{figure:.1f} %" for figure in (published.top1, published.top5) if figure is not None]
    assert f"| {', '.join(stated)} |" in row
    assert len(published.modules) == len(set(published.modules))
    if name not in LARGE:
        tensors = to_torchvision(Network(name, (64, 64, 3), 10), name)
        assert {key.rpartition(".")[0] for key in tensors} == set(published.modules)


def test_all_records_are_complete() -> None:
    assert {name for name, record in NAMED.items() if record.published} == set(PRETRAINED)
    assert set(NAMED) <= set(KNOWN)
    fields = {field.name for field in dataclasses.fields(NamedNetwork)}
    assert fields == {"name", "notation", "about", "use", "published"}
