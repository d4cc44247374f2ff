"""The page of a data set shows the labels and the copies that the doctor found, and says so where it found none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from glassnet.actions.data import show_set
from glassnet.data import load
from glassnet.doctor.pictures import look_at
from glassnet.report.pages.pictures import pictures_page


def test_the_page_shows_wrong_labels_and_copies(tmp_path: Path) -> None:
    training = load("digits").train
    rng = np.random.default_rng(0)
    training = training.subset(np.append(np.arange(len(training)), np.arange(40)))
    labels = training.labels.copy()
    wrong = rng.permutation(1400)[:120] + 40
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    looked = look_at({"training": replace(training, labels=labels)})
    page = pictures_page(looked, "digits", tmp_path / "page.html").read_text(encoding="utf-8")
    assert looked.judged is not None
    for number in looked.judged.numbers[looked.judged.suspects(np.arange(len(looked.judged.given)))][:24]:
        assert f"{looked.sketches.name(int(number))}</span>" in page and number in wrong
    assert "12 of 40 pairs" in page and "training 0 (" in page and "training 1,437 (" in page


def test_data_show_writes_the_page_of_a_healthy_set(tmp_path: Path) -> None:
    found = show_set("digits", tmp_path / "digits.html")
    page = found.picture.read_text(encoding="utf-8")
    assert "Nothing was found." in page and "Labels that look wrong" not in page and page.count("<figure") == 80
