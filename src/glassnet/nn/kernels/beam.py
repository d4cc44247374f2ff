"""Prefix beam search over CTC's scores, with what a language and a word list say; `glassnet.reader.lines.beam` has the
derivation.

A `Grams` is a back-off model of characters as an automaton, a `Words` the trie of a word list. Both are trees in
breadth-first order: the children of node i are first[i] ... first[i + 1] - 1, sorted by `label`. One without nodes
(`first` of length 1) says nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glassnet.nn.kernels.logarithms import log_add
from glassnet.nn.kernels.options import SERIAL, inner, njit

__all__ = ["DIGIT", "JOINER", "LETTER", "MARK", "Grams", "Words", "beam", "expect", "rate", "rate_edits"]

# mypy: disable-error-code="no-untyped-def"

MARK, LETTER, DIGIT, JOINER = 0, 1, 2, 3  # kinds of characters: a joiner stands between letters (don't, well-known)
_UNLISTED, _NUMBER = -1, -2  # states of a word beside the nodes of the trie


class Grams(NamedTuple):
    """A model of characters; `reader.lines.language` makes it.

    Attributes
    ----------
    symbol : (characters,) uint8 array
        What the tree knows each character as.
    form : (states, characters) float64 array
        Log-probability of each character, given its symbol: small letter or capital, which digit.
    turn : (states, characters) uint8 array
        The state of the case after each character.
    label : (nodes,) uint8 array
        The last symbol of a node.
    first : (nodes + 1,) int32 array
        Where a node's children begin.
    suffix : (nodes,) int32 array
        The node without its first symbol.
    log_p : (nodes,) float64 array
        Log-probability of the last symbol after the others.
    back_off : (nodes,) float64 array
        What is added where a node has no child of a symbol and its suffix is asked.
    start : int
        The node that a line begins in.
    """

    symbol: npt.NDArray[np.uint8]
    form: npt.NDArray[np.float64]
    turn: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    first: npt.NDArray[np.int32]
    suffix: npt.NDArray[np.int32]
    log_p: npt.NDArray[np.float64]
    back_off: npt.NDArray[np.float64]
    start: int


class Words(NamedTuple):
    """A word list.

    Attributes
    ----------
    kind : (characters,) uint8 array
        MARK, LETTER, DIGIT or JOINER.
    symbol : (characters,) uint8 array
        What the trie knows each character as.
    label : (nodes,) uint8 array
        The last symbol of a node.
    first : (nodes + 1,) int32 array
        Where a node's children begin.
    ends : (nodes,) bool array
        Whether a word ends in a node.
    """

    kind: npt.NDArray[np.uint8]
    symbol: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]
    first: npt.NDArray[np.int32]
    ends: npt.NDArray[np.bool_]


# ---- one character further ------------------------------------------------------------------------------------------


@inner
def _child(first, label, node, symbol):
    """The child of a node by this symbol, or -1."""
    low, high = first[node], first[node + 1]
    while low < high:
        middle = (low + high) // 2
        if label[middle] < symbol:
            low = middle + 1
        else:
            high = middle
    return low if low < first[node + 1] and label[low] == symbol else -1


@inner
def _follow(grams, node, symbol):
    """(log-probability of the symbol, the node after it); the root has a child of every symbol."""
    total = 0.0
    child = _child(grams.first, grams.label, node, symbol)
    while child < 0:
        total += grams.back_off[node]
        node = grams.suffix[node]
        child = _child(grams.first, grams.label, node, symbol)
    return total + grams.log_p[child], child


@inner
def _spell(words, state, character):
    """(whether a word has turned out not to be in the list, the state of the word after the character)."""
    kind = words.kind[character]
    if state >= 0:
        child = _child(words.first, words.label, state, words.symbol[character])
        if child >= 0:
            return False, child
        if kind == LETTER or (kind == DIGIT and state > 0):
            return True, _UNLISTED
        return _unfinished(words, state), _NUMBER if kind == DIGIT else 0
    if kind == DIGIT or (kind == JOINER and state == _UNLISTED):
        return False, state
    if kind == LETTER:
        return state == _NUMBER, _UNLISTED
    return False, 0


@inner
def _unfinished(words, state):
    """Whether a word that ends in this state is the mere beginning of one of the list."""
    return state > 0 and not words.ends[state]


@inner
def _step(grams, words, alpha, beta, unlisted, character, node, case, state):
    """(what one more character adds to a text's score, and the node, the case and the word's state after it)."""
    gain = beta
    if len(grams.label):
        log_p, node = _follow(grams, node, grams.symbol[character])
        gain += alpha * (log_p + grams.form[case, character])
        case = grams.turn[case, character]
    if len(words.label):
        strange, state = _spell(words, state, character)
        if strange:
            gain -= unlisted
    return gain, node, case, state


@inner
def _end(grams, words, alpha, unlisted, space, last, node, state):
    """What the end of a line adds: a word ends there, too. Nothing where the text is empty or ends with a space."""
    if last < 0 or last == space:
        return 0.0
    gain = 0.0
    if len(grams.label) and space >= 0:
        gain += alpha * _follow(grams, node, grams.symbol[space])[0]
    if len(words.label) and _unfinished(words, state):
        gain -= unlisted
    return gain


@njit(**SERIAL)
def rate(labels, grams, words, alpha, beta, unlisted, space):
    """What language and word list say of a text (m,): alpha log p + beta m - unlisted for each word not in the list."""
    total, node, case, state, last = 0.0, grams.start, 0, 0, -1
    for i in range(len(labels)):
        last = labels[i]
        gain, node, case, state = _step(grams, words, alpha, beta, unlisted, last, node, case, state)
        total += gain
    return total + _end(grams, words, alpha, unlisted, space, last, node, state)


@njit(**SERIAL)
def rate_edits(labels, least, replaced, inserted, grams, words, alpha, beta, unlisted, space):
    """Add `rate` of each text to its entry in `replaced` and `inserted`, which `alignment.edits` gives; entries below
    `least` become -inf. Returns `rate` of the labels.

    A changed text is rated from the change on, up to where all that is remembered is as it was without the change.
    """
    m, k = replaced.shape
    sums, memory = np.zeros(m + 2), np.zeros((m + 1, 3), np.int64)
    memory[0, 0] = grams.start
    for i in range(m):
        gain, node, case, state = _step(
            grams, words, alpha, beta, unlisted, labels[i], memory[i, 0], memory[i, 1], memory[i, 2]
        )
        sums[i + 1] = sums[i] + gain
        memory[i + 1, 0], memory[i + 1, 1], memory[i + 1, 2] = node, case, state
    last = labels[m - 1] if m else -1
    whole = sums[m] + _end(grams, words, alpha, unlisted, space, last, memory[m, 0], memory[m, 2])
    for i in range(m + 1):
        for way in range(2 if i < m else 1):  # put in before label i, or in its place
            table = replaced if way else inserted
            for c in range(k if way else k - 1):
                if table[i, c] < least:
                    table[i, c] = -np.inf
                    continue
                total, node, case, state = sums[i], memory[i, 0], memory[i, 1], memory[i, 2]
                last = labels[i - 1] if i else -1
                if c < k - 1:
                    gain, node, case, state = _step(grams, words, alpha, beta, unlisted, c, node, case, state)
                    total += gain
                    last = c
                at = i + way
                while at < m and not (memory[at, 0] == node and memory[at, 1] == case and memory[at, 2] == state):
                    last = labels[at]
                    gain, node, case, state = _step(grams, words, alpha, beta, unlisted, last, node, case, state)
                    total += gain
                    at += 1
                total += whole - sums[at] if at < m else _end(grams, words, alpha, unlisted, space, last, node, state)
                table[i, c] += total
    return whole


@njit(**SERIAL)
def expect(labels, grams, out):
    """out (characters,): the log-probability of each character after a text (m,)."""
    node, case = grams.start, 0
    for i in range(len(labels)):
        node = _follow(grams, node, grams.symbol[labels[i]])[1]
        case = grams.turn[case, labels[i]]
    for c in range(len(out)):
        out[c] = _follow(grams, node, grams.symbol[c])[0] + grams.form[case, c]


# ---- the search -----------------------------------------------------------------------------------------------------


@inner
def _found(child, sibling, character, node, c):
    """The node of a prefix one character longer, or -1."""
    at = child[node]
    while at >= 0 and character[at] != c:
        at = sibling[at]
    return at


@inner
def _showing(quiet, loud, character, own, i, c):
    """The log-probability of the paths of prefix i after which c would be one character more."""
    return quiet[i] if character[own[i]] == c else log_add(quiet[i], loud[i])


@inner
def _insert(j, score, order, key, kept):
    """Put j among the best, behind what is as good; returns how many these are, at most as many as there is room."""
    at = kept if kept < len(order) else len(order) - 1
    while at > 0 and score > key[at - 1]:
        order[at], key[at] = order[at - 1], key[at - 1]
        at -= 1
    order[at], key[at] = j, score
    return min(kept + 1, len(order))


@inner
def _rank(j, score, order, key, kept):
    """As `_insert`, where it is possible at all and better than the last of a full list."""
    if score == -np.inf or (kept == len(order) and not score > key[kept - 1]):
        return kept
    return _insert(j, score, order, key, kept)


@njit(**SERIAL)
def beam(logs, width, least, grams, words, alpha, beta, unlisted, space, texts, lengths, picture, total):
    """The best texts of a line; returns how many there are, at most `width`, the best first.

    logs (columns, k), the blank last; characters whose log-probability in a column is below `least` are not tried
    there. texts (width, columns), lengths (width,), picture (width,) = log p of the texts' paths that were followed,
    total (width,) = with language and word list.
    """
    columns, k = logs.shape
    blank = k - 1
    # The tree of prefixes: at most `width` new ones a column.
    nodes = 1 + columns * width
    parent, character = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    child, sibling = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    slot = np.full(nodes, -1, np.int32)  # its place in the beam
    prior = np.zeros(nodes)  # what language and word list say so far
    gram, case, word = np.zeros(nodes, np.int32), np.zeros(nodes, np.int32), np.zeros(nodes, np.int32)
    gram[0] = grams.start
    used = 1
    # The beam: prefixes with the log-probability of their paths that end with a blank, and with a character.
    own = np.zeros(width, np.int32)
    quiet, loud = np.full(width, -np.inf), np.full(width, -np.inf)
    quiet[0], slot[0] = 0.0, 0
    count = 1
    # The candidates of a column: the prefixes of the beam, then those that are one character longer.
    room = width * k
    c_node, c_from, c_character = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    c_quiet, c_loud, c_prior = np.empty(room), np.empty(room), np.empty(room)
    c_gram, c_case, c_word = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    order, key = np.empty(width, np.int32), np.empty(width)  # the best candidates, the best first
    ways, likely = np.empty(k, np.int32), np.empty(k)  # the characters of a column, the most probable first
    for t in range(columns):
        for i in range(count):
            node = own[i]
            c_node[i], c_prior[i] = node, prior[node]
            c_quiet[i] = log_add(quiet[i], loud[i]) + logs[t, blank]
            c_loud[i] = -np.inf
            last = character[node]
            if last < 0 or not logs[t, last] > -np.inf:
                continue
            c_loud[i] = loud[i] + logs[t, last]
            before = slot[parent[node]]
            if before >= 0 and logs[t, last] >= least:  # one character longer than another prefix of the beam
                c_loud[i] = log_add(c_loud[i], _showing(quiet, loud, character, own, before, last) + logs[t, last])
        kept = 0
        for i in range(count):
            kept = _rank(i, log_add(c_quiet[i], c_loud[i]) + c_prior[i], order, key, kept)
        tried = 0
        for c in range(blank):
            if logs[t, c] >= least and logs[t, c] > -np.inf:
                tried = _insert(c, logs[t, c], ways, likely, tried)
        made = count
        for w in range(tried):
            c = ways[w]
            for i in range(count):
                node = own[i]
                mass = _showing(quiet, loud, character, own, i, c) + logs[t, c]
                if mass == -np.inf or (kept == width and mass + prior[node] + beta <= key[kept - 1]):
                    continue  # it cannot come in, whatever a language says
                longer = _found(child, sibling, character, node, c)
                if longer >= 0 and slot[longer] >= 0:
                    continue
                c_node[made], c_from[made], c_character[made] = longer, node, c
                c_quiet[made], c_loud[made] = -np.inf, mass
                if longer >= 0:
                    c_prior[made] = prior[longer]
                else:
                    gain, c_gram[made], c_case[made], c_word[made] = _step(
                        grams, words, alpha, beta, unlisted, c, gram[node], case[node], word[node]
                    )
                    c_prior[made] = prior[node] + gain
                kept = _rank(made, mass + c_prior[made], order, key, kept)
                made += 1
        for i in range(count):
            slot[own[i]] = -1
        for i in range(kept):
            j = order[i]
            node = c_node[j]
            if node < 0:
                node, used = used, used + 1
                parent[node], character[node] = c_from[j], c_character[j]
                sibling[node] = child[c_from[j]]
                child[c_from[j]] = node
                prior[node], gram[node], case[node], word[node] = c_prior[j], c_gram[j], c_case[j], c_word[j]
            own[i], quiet[i], loud[i], slot[node] = node, c_quiet[j], c_loud[j], i
        count = kept
    for i in range(count):
        node = own[i]
        picture[i] = log_add(quiet[i], loud[i])
        total[i] = (
            picture[i]
            + prior[node]
            + _end(grams, words, alpha, unlisted, space, character[node], gram[node], word[node])
        )
    kept = 0
    for i in range(count):
        c_quiet[i] = picture[i]
        kept = _insert(i, total[i], order, key, kept)
    for i in range(count):
        j = order[i]
        picture[i], total[i] = c_quiet[j], key[i]
        node, length = own[j], 0
        while node > 0:
            length, node = length + 1, parent[node]
        lengths[i], node = length, own[j]
        while node > 0:
            length -= 1
            texts[i, length], node = character[node], parent[node]
    return count
