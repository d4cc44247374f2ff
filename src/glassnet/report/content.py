"""What a report can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from glassnet.report.figures.curves import Record
from glassnet.report.figures.features import FeatureMaps
from glassnet.metrics import Evaluation
from glassnet.nn import Network

__all__ = ["ReportContent"]


@dataclass
class ReportContent:
    """Everything a report can show; what is left out has no section.

    title, sentence : what was trained, in a few words and in one or two plain sentences.
    cards : (label, value, note) headline figures; made from the evaluation if empty.
    history : records of `metrics.jsonl`, see `learning_curves` and `norms_figure`.
    evaluation, evaluation_name : figures on the set of that name ("test", "validation").
    images : (N, H, W, C) the evaluated pictures, for the mistakes.
    weights_before, weights_after : (in, out), or (kh, kw, c, f) of a convolution, of the first layer that has weights;
        image_shape : (H, W, C) of its input.
    feature_maps : one picture on its way through the layers, see `glassnet.report.feature_maps`.
    network : for a drawing of its layers.  network_table, network_plan : its layers, and the kernels that run them, as
        text.
    gradient_check : rows (parameter, entries checked, error, worst index, verdict).
    gradient_remark : why there are none.
    reconstructions : (inputs, outputs), each (N, H, W, C).
    configuration : the recipe as TOML.  environment : versions, hardware, data; may be nested.
    commands : what to do next, one command each, "# " in front of a remark.
    """

    title: str
    sentence: str = ""
    cards: Sequence[tuple[str, str, str]] = ()
    history: Sequence[Record] = ()
    evaluation: Evaluation | None = None
    evaluation_name: str = "test"
    images: NDArray[Any] | None = None
    weights_before: NDArray[Any] | None = None
    weights_after: NDArray[Any] | None = None
    image_shape: tuple[int, int, int] | None = None
    feature_maps: FeatureMaps | None = None
    network: Network | None = None
    network_table: str = ""
    network_plan: str = ""
    gradient_check: Sequence[Sequence[Any]] | None = None
    gradient_remark: str = ""
    reconstructions: tuple[NDArray[Any], NDArray[Any]] | None = None
    configuration: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[str] = ()
