"""A line's scores as a reading: where its characters stand, how sure they are, and whether that can be believed."""

from __future__ import annotations

import concurrent.futures
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import ReaderError
from glassnet.nn.functional.ctc import columns_needed, merged
from glassnet.reader.lines.alignment import align
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, encode
from glassnet.reader.lines.beam import Prior, beam_search_naive, log_probabilities
from glassnet.reader.lines.confidence import Map, calibrate, edits, outcomes, reliability
from glassnet.reader.lines.decoder import Decoder, DecodingSettings
from glassnet.reader.lines.reading import ReadCharacter, Reading, ReadWord


def columns_of(text: str, *, rng: np.random.Generator | None = None, noise: float = 0.0) -> np.ndarray:
    """Scores of a line that shows each character of the text in the second of its three columns."""
    rng = rng or np.random.default_rng(0)
    z = noise * rng.standard_normal((3 * len(text), BLANK + 1))
    z[:, BLANK] += 12
    z[1::3, BLANK] -= 12
    z[np.arange(1, len(z), 3), encode(text)] += 12
    return z


# ---- alignment ------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_the_alignment_is_the_best_of_all_paths(seed: int, columns: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    logs = log_probabilities(2.0 * rng.standard_normal((columns, k)))
    labels = rng.integers(0, k - 1, rng.integers(0, columns + 1)).tolist()
    while labels and columns_needed(labels) > columns:
        labels.pop()
    paths = [p for p in itertools.product(range(k), repeat=columns) if merged(p, k - 1) == labels]
    best = max(paths, key=lambda p: sum(logs[t, c] for t, c in enumerate(p)))
    runs, at = [], 0
    for label, run in itertools.groupby(best):
        length = len(list(run))
        if label != k - 1:
            runs.append((at, at + length))
        at += length
    assert align(logs, labels).tolist() == [list(run) for run in runs]


def test_a_text_that_is_too_long_for_its_line() -> None:
    with pytest.raises(ReaderError, match="needs 3 columns"):
        align(np.zeros((2, 3)), [1, 1])


# ---- confidence -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_a_text_against_all_that_differ_in_one_character(seed: int, columns: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    logs = log_probabilities(2.0 * rng.standard_normal((columns, k)))
    found = beam_search_naive(logs)
    p = {text.labels: np.exp(text.score) for text in found}
    labels = found[int(rng.integers(len(found)))].labels
    doubts = edits(logs, labels, Prior.none(k - 1))
    for i in range(len(labels) + 1):
        if i < len(labels):
            texts = [labels[:i] + other + labels[i + 1 :] for other in [*((c,) for c in range(k - 1)), ()]]
            shares = np.array([p.get(text, 0.0) for text in texts])
            np.testing.assert_allclose(doubts.replaced[i], shares / shares.sum(), atol=1e-10)
        more = sum(p.get((*labels[:i], c, *labels[i:]), 0.0) for c in range(k - 1))
        assert doubts.missing[i] == pytest.approx(more / (more + p[labels]), abs=1e-10)


def test_what_counts_as_far_away_changes_confidences_little() -> None:
    rng = np.random.default_rng(3)
    logs = log_probabilities(columns_of("at half past nine", rng=rng, noise=3.0))
    labels = encode("at half past nine")
    exact, quick = edits(logs, labels, Prior.none(BLANK)), edits(logs, labels, Prior.none(BLANK), least=12, margin=12)
    np.testing.assert_allclose(quick.replaced, exact.replaced, atol=2e-4)
    np.testing.assert_allclose(quick.missing, exact.missing, atol=2e-3)


def test_a_text_that_no_path_reads_as() -> None:
    logs = log_probabilities(np.zeros((3, 3)))
    with pytest.raises(ReaderError, match="No path"):
        edits(logs, [0, 0, 0], Prior.none(2))


def test_maps_are_found_again_from_what_proved_right() -> None:
    """Confidences drawn at random, of which a part turns out right as a known map says."""
    rng = np.random.default_rng(0)
    truth = Map(0.5, -0.4)
    letters, readings, texts = "abcdefghijklmnopqrst", [], []
    for _ in range(400):
        sure = rng.uniform(0.02, 0.999, 20)
        right = rng.random(20) < truth(sure)
        words = [ReadWord((ReadCharacter(c, 0, 1, float(p)),), float(p)) for c, p in zip(letters, sure, strict=True)]
        readings.append(Reading(tuple(words), 0.0, 0.0))
        texts.append(" ".join(c if ok else "#" for c, ok in zip(letters, right, strict=True)))
    for found in calibrate(readings, texts):
        assert found.slope == pytest.approx(0.5, abs=0.05) and found.offset == pytest.approx(-0.4, abs=0.08)
    (p, right), _ = outcomes(readings, texts)
    assert p.shape == right.shape == (8000,) and 0.3 < right.mean() < 0.7
    before, _ = reliability(readings, texts)
    assert before.error > 0.1


def test_what_counts_as_right() -> None:
    def word(text: str, p: float) -> ReadWord:
        return ReadWord(tuple(ReadCharacter(c, 0, 1, p) for c in text), p)

    reading = Reading((word("cet", 0.5), word("sat", 0.9), word("x", 0.1)), 0.0, 0.0)
    (p, right), (word_p, word_right) = outcomes([reading], ["cat sat"])
    assert right.tolist() == [1, 0, 1, 1, 1, 1, 0] and p.tolist() == [0.5] * 3 + [0.9] * 3 + [0.1]
    assert word_right.tolist() == [0, 1, 0] and word_p.tolist() == [0.5, 0.9, 0.1]


# ---- the decoder ----------------------------------------------------------------------------------------------------


def test_a_clear_line() -> None:
    reading = Decoder()(columns_of("Tea at 5!"))
    assert reading.text == "Tea at 5!" and [word.text for word in reading.words] == ["Tea", "at", "5!"]
    assert [(c.text, c.start, c.stop) for c in reading.words[1].characters] == [("a", 13, 14), ("t", 16, 17)]
    assert (reading.words[1].start, reading.words[1].stop) == (13, 17)
    assert reading.picture == reading.score and min(word.confidence for word in reading.words) > 0.9
    assert len(reading.others) == 4 and all(score < reading.score for _, score in reading.others)
    assert "Tea at 5!" not in dict(reading.others)


def test_doubts_are_where_they_belong() -> None:
    z = columns_of("cat hat")
    z[4, CHARACTERS.index("o")] = z[4, CHARACTERS.index("a")] - 0.5
    reading = Decoder()(z)
    doubtful, sure = reading.words
    confidence = doubtful.characters[1].confidence
    assert confidence == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-3)
    assert doubtful.characters[1].alternatives[0] == ("o", pytest.approx(1 - confidence, abs=1e-3))
    assert doubtful.confidence == pytest.approx(confidence, abs=0.02) and sure.confidence > 0.98
    assert reading.others[0][0] == "cot hat" and reading.confidence < 0.95


def test_a_map_goes_over_confidences_and_alternatives() -> None:
    z = columns_of("cat")
    z[4, CHARACTERS.index("o")] = z[4, CHARACTERS.index("a")] - 2.0
    plain, mapped = Decoder()(z), Decoder(settings=DecodingSettings(characters=Map(0.5), words=Map(1.0, -1.0)))(z)
    p = plain.words[0].characters[1]
    q = mapped.words[0].characters[1]
    odds = p.confidence / (1 - p.confidence)
    assert q.confidence / (1 - q.confidence) == pytest.approx(odds**0.5)
    assert q.alternatives[0][0] == "o" and q.alternatives[0][1] == pytest.approx(1 - q.confidence, abs=0.01)
    assert mapped.words[0].confidence < plain.words[0].confidence


def test_alphabet_words_and_the_fast_way() -> None:
    z = columns_of("l0ok 50")
    z[4, CHARACTERS.index("o")] = z[4, CHARACTERS.index("0")] - 1.0
    assert Decoder()(z).text == "l0ok 50" == Decoder(greedy=True)(z).text
    assert Decoder(words=["look"])(z).text == "look 50"
    assert Decoder(words=["look"], greedy=True)(z).text == "l0ok 50"
    assert Decoder(alphabet="0123456789")(z).text.endswith("50")
    assert Decoder(greedy=True)(z).others == ()


def test_an_empty_line() -> None:
    z = np.zeros((5, BLANK + 1))
    z[:, BLANK] = 20
    reading = Decoder()(z)
    assert reading.words == () and reading.text == "" and reading.confidence == 0


def test_many_threads_read_alike() -> None:
    lines = [columns_of("the cat sat on the mat", rng=np.random.default_rng(i), noise=3.0) for i in range(8)]
    decoder = Decoder(words=["cat", "mat"])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(decoder, lines)) == [decoder(line) for line in lines]


@pytest.mark.parametrize(("shape", "message"), [((4, 95), "96 classes"), ((4,), "shape")])
def test_scores_that_do_not_fit(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        Decoder()(np.zeros(shape))


def test_an_alphabet_that_does_not_fit() -> None:
    with pytest.raises(ReaderError, match="'é'"):
        Decoder(alphabet="é")
