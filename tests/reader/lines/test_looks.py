"""Several looks at a line: which texts they agree on, and which lines are looked at again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.reader.binarise import Ink
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, encode
from glassnet.reader.lines.beam import Prior, beam_search, beam_search_naive, log_probabilities
from glassnet.reader.lines.decoder import Decoder
from glassnet.reader.lines.line_reader import LineReader
from glassnet.reader.lines.looks import agreed, looks_at, moved
from glassnet.reader.lines.strips import Strip


def scores_of(text: str, doubts: dict[int, tuple[str, float]] | None = None) -> np.ndarray:
    """Scores of a line that shows each character in the second of its three columns; at the place of a doubt another
    character has so much more of a score."""
    z = np.zeros((3 * len(text), BLANK + 1))
    z[:, BLANK] += 12
    z[1::3, BLANK] -= 12
    z[np.arange(1, len(z), 3), encode(text)] += 12
    for place, (other, more) in (doubts or {}).items():
        z[3 * place + 1, CHARACTERS.index(other)] = 12 + more
    return z


@pytest.mark.parametrize(("right", "down"), [(0, 0), (2, 0), (1, -1), (3, 1)])
def test_a_moved_strip_shows_the_same_elsewhere(right: int, down: int) -> None:
    picture = np.random.default_rng(0).integers(1, 256, (32, 20)).astype(np.uint8)
    seen = moved(picture, right, down)
    assert seen.shape == (32, 20 + right) and (seen[:, :right] == 0).all()
    for row in range(32):
        own = picture[row - down] if 0 <= row - down < 32 else 0
        assert (seen[row, right:] == own).all()


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_best_text_has_the_highest_mean_log_probability(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    looks = [log_probabilities(2.0 * rng.standard_normal((columns + more, 3))) for more in (0, 1)]
    exact = [{text.labels: text.picture for text in beam_search_naive(logs)} for logs in looks]
    found = [beam_search(logs, Prior.none(2), width=1000) for logs in looks]
    best = agreed(looks, found, texts=1000)
    means = {labels: (p + exact[1][labels]) / 2 for labels, p in exact[0].items()}
    assert [text.picture for text in best] == pytest.approx(sorted(means.values(), reverse=True))
    assert means[best[0].labels] == pytest.approx(max(means.values()))


def test_what_one_look_leaves_open_another_decides() -> None:
    first, second = scores_of("cat", {1: ("o", 0.5)}), scores_of("cat", {1: ("o", -2.0)})
    assert Decoder()(first).text == "cot" and Decoder()(first, second).text == "cat"
    assert Decoder(greedy=True)(first, second).text == "cat"
    assert Decoder(alphabet="cot")(first, second).text == "cot"
    doubtful = Decoder()(first, second).words[0].characters[1]
    each = [1 / (1 + np.exp(more)) for more in (0.5, -2.0)]
    assert doubtful.confidence == pytest.approx(np.mean(each), abs=1e-3)


def test_the_same_look_twice_says_what_it_says_once() -> None:
    z = scores_of("cat hat", {1: ("o", -1.0)})
    once, twice = Decoder()(z), Decoder()(z, z)
    assert once.text == twice.text and once.picture == pytest.approx(twice.picture, abs=1e-3)
    for one, two in zip(once.characters, twice.characters, strict=True):
        assert (one.start, one.stop) == (two.start, two.stop) and one.confidence == pytest.approx(two.confidence)


class Doubtful:
    """Reads "cot" in strips wider than 100 pixels and "cat" where these are moved by two pixels, else "sure"."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def scores(self, strips: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.asked.append(len(strips))
        return [self._of(strip).astype(np.float32) for strip in strips]

    def _of(self, strip: np.ndarray) -> np.ndarray:
        if strip.shape[1] <= 100:
            return scores_of("sure")
        return scores_of("cat", {1: ("o", 0.2 if strip[0, 0] else -3.0)})


def test_only_a_line_in_doubt_is_looked_at_again() -> None:
    pictures = [np.full((32, width), 255, np.uint8) for width in (90, 110, 80)]
    seer = Doubtful()
    seen = looks_at(pictures, seer, Decoder(greedy=True))
    assert seer.asked == [3, 3] and [len(look.scores) for look in seen] == [1, 4, 1]
    assert [look.plain.text for look in seen] == ["sure", "cot", "sure"]
    assert looks_at([], seer, Decoder(greedy=True)) == []
    page = Ink(np.zeros((32, 200), np.float32), np.eye(2, 3))
    strips = [Strip(picture, 0.0, np.zeros(picture.shape[1]), 1.0, page) for picture in pictures]
    read = LineReader(seer, Decoder(), Decoder(greedy=True)).read(strips)
    assert [line.reading.text for line in read] == ["sure", "cat", "sure"]
    assert [line.plain.text for line in read] == ["sure", "cot", "sure"]
    once = LineReader(seer, Decoder(), Decoder(greedy=True), doubt=0.0).read(strips)
    assert [line.reading.text for line in once] == ["sure", "cot", "sure"]
    seer.asked.clear()
    quick = LineReader(seer, Decoder(), Decoder(greedy=True)).read(strips, quick=True)
    assert seer.asked == [3] and [line.reading.text for line in quick] == ["sure", "cot", "sure"]
