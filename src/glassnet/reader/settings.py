"""Every threshold of the reader, by stage, with what it means and where its value comes from.

Lengths are shares of the usual height of a character on the page, or of the width of its strokes, never pixels, except
where a setting says so. Shares are in [0, 1].

Few of the values were fitted; these name the command or the source. The others were chosen by hand, on pages by the pen
model and on the photographed pages of the documentation, and are tried by

    python -m benchmarks.reading --only pages --only synthesised --only turned --only blank

which prints the error rates that a change has to be judged by. Those of `select` are fitted and tried by
`python -m benchmarks.gate`; what concerns single characters is tried by
`python -m benchmarks.reading --only characters`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DEFAULTS",
    "BinariseSettings",
    "DecodeSettings",
    "DeskewSettings",
    "FindingSettings",
    "GroupSettings",
    "LineSelectSettings",
    "LineTurnSettings",
    "LinesSettings",
    "OrientSettings",
    "PlaceSettings",
    "ReaderSettings",
    "RecogniseSettings",
    "RescoreSettings",
    "RulesSettings",
    "SegmentSettings",
    "SelectSettings",
    "SheetSettings",
    "SpacingSettings",
    "SplitSettings",
    "StripSettings",
]


@dataclass(frozen=True)
class SheetSettings:
    """The sheet of paper on a table. Tried by `python -m benchmarks.reading --only tables --only synthesised`.

    Lengths are pixels of a small copy of the picture, except where a setting says so.

    Attributes
    ----------
    side : int
        Of the longer side of the copy: a sheet's edge is then a step over two pixels or three.
    ink : float
        Share of the longer side that is filled: wider than a stroke, and than most words are high.
    thresholds : int
        Of brightness, evenly between the darkest and the lightest that there is much of.
    least : float
        Share of the picture that the largest sheet takes up, at least: a label or a window is smaller.
    small : float
        The same for another sheet beside it.
    most : float
        And at most: around larger ones there is hardly anything.
    likely : float
        Share of a region's edge near which brightness changes, at least: others are looked at no further.
    compact : float
        Share of its convex hull that a sheet fills: less than 1, as it may be torn, bent or held.
    margin : int
        From the picture's edges, within which an edge of the sheet says nothing.
    length : float
        Of a sheet's edge away from these, at least, as a share of the picture's shorter side.
    reach : float
        How far to both sides of the edge brightness is compared: further than an edge is wide, not than a shadow's is.
    step : float
        Share of the sheet's brightness by which the picture has to grow darker there.
    far : float
        How far to both sides brightness is compared once more: as far as the edge of a shadow is wide.
    at_once : float
        Share of what it changes so far that it changes within reach, at least: less is the edge of a shadow.
    sharp : float
        Share of its edge along which it does both.
    shadow : float
        Share of the sheet's brightness that is left beyond the edge, in every colour, from which it may be a shadow.
    tint : float
        How much these shares differ, as a share of the largest, at most, if it is one.
    cut : float
        Share of a region's outline on the picture's edge from which it may lie beside a shadow.
    edge : int
        Of the edge itself, which is left out.
    """

    side: int = 240
    ink: float = 0.04
    thresholds: int = 16
    least: float = 0.15
    small: float = 0.03
    most: float = 0.95
    likely: float = 0.7
    compact: float = 0.92
    margin: int = 5
    length: float = 0.3
    reach: float = 3.0
    step: float = 0.1
    far: float = 8.0
    at_once: float = 0.7
    sharp: float = 0.9
    shadow: float = 0.3
    tint: float = 0.12
    cut: float = 0.1
    edge: int = 3


@dataclass(frozen=True)
class BinariseSettings:
    """From a picture to ink. Tried by `python -m benchmarks.reading --only pages --only synthesised --only blank`.

    Attributes
    ----------
    pixels : int
        Of the working picture, at most: a capital then has some tens of them.
    smallest : int
        Pixels of the working picture's longer side, at least: smaller ones are enlarged.
    blur : float
        Standard deviation in pixels of the smoothing that takes the grain away: grain is finer than a pen.
    blocks : int
        On the longer side, in each of which the paper's shade is estimated: a block is wider than a character.
    block_sample : int
        Pixels of a block that are looked at; a percentile of a hundred is known to a few hundredths.
    paper : float
        Quantile of a block's brightness that is its paper: writing covers less than the rest.
    faintest : float
        Grey levels between ink and paper below which nothing counts as writing.
    noise : float
        How many times the grain's standard deviation ink must be; of normal noise one pixel in three million is.
    clear : float
        The same for the usual ink: on paper alone the strongest grain reaches 7 (`--only blank`).
    darkest : float
        Grey level; paper counts as no darker than this, or black pictures would be all contrast.
    blurred : float
        How many times the softness of its edges the blur of a picture is: a stroke as thin as the blur is paler, too.
        On synthesised pages blurred by 4 pixels 1.6 to 2.0 differ little. Tried by `--only damaged`, as are the next.
    soft : float
        Pixels of blur from which the picture is sharpened: of photographs in focus it is 2 and less.
    ringing : float
        Ratio of noise to signal in Wiener's filter: more blurs, less rings.
    closing : float
        Strokes: what is narrower than this is not paper, what is wider is (a shadow).
    strip : float
        What the shorter side counts for at least, of the longer one, as the picture may be a strip of a page.
    foot : float
        Contrast, of the usual one, that is not ink at all.
    rise : float
        Contrast above `foot`, of the usual one, that is full ink.
    pale : float
        Contrast of a faint part of the page, at least, of the usual one: a dry pen, a pencil.
    """

    pixels: int = 3_000_000
    smallest: int = 500
    blur: float = 0.7
    blocks: int = 64
    block_sample: int = 100
    paper: float = 0.75
    faintest: float = 8.0
    noise: float = 5.0
    clear: float = 9.0
    darkest: float = 60.0
    blurred: float = 1.8
    soft: float = 2.5
    ringing: float = 0.005
    closing: float = 4.5
    strip: float = 0.7
    foot: float = 0.15
    rise: float = 0.6
    pale: float = 0.45


@dataclass(frozen=True)
class DeskewSettings:
    """How far lines are turned to be level. Tried by `python -m benchmarks.reading --only synthesised --only turned`.

    Attributes
    ----------
    most : float
        Degrees that are tried either way: a page that lies further askew is rarely photographed.
    least : float
        Degrees; less is left as it is, since turning blurs.
    strokes : float
        Height in widths of a stroke, about a character and a half, a sixth of which is the height of a band: then
        single strokes, which may all lean, weigh little.
    """

    most: float = 16.0
    least: float = 0.5
    strokes: float = 15.0


@dataclass(frozen=True)
class RulesSettings:
    """Ruled and squared paper. Tried by `python -m benchmarks.reading --only synthesised --only real`.

    Attributes
    ----------
    length : float
        Heights of a character that a rule is long, at least: no stroke of writing is.
    page : float
        The same as a share of the page's longer side.
    first : float
        The share of the longer side that counts while the height of a character is not known.
    thick : float
        Strokes that a rule is thick, at most.
    share : float
        Share of a rule that is thin, at least: of squares where they cross writing 0.7 are, of what can be followed
        along the feet of joined letters less.
    clear : float
        Share of the shortest rule along which, somewhere, nothing crosses one that has less: two heights.
    bend : float
        By how much the slope of a rule changes along it, at most: perspective, bent paper. No letter is so straight.
    faint : float
        Ink of printed rules that only here and there, where two cross or in the light, count as ink.
    ink : float
        What counts as ink where printed rules run.
    remains : float
        Mean ink of writing that lies within the bands of rules; what is paler belongs to a rule.
    few : int
        Shortest rules that make a printed paper.
    """

    length: float = 5.0
    page: float = 0.12
    first: float = 0.35
    thick: float = 1.6
    share: float = 0.7
    clear: float = 0.4
    bend: float = 0.4
    faint: float = 0.15
    ink: float = 0.6
    remains: float = 0.85
    few: int = 3


@dataclass(frozen=True)
class SegmentSettings:
    """Connected components of ink. Tried by `python -m benchmarks.reading --only pages --only synthesised --only real`.

    Attributes
    ----------
    ink : float
        What counts as ink, of the usual darkness.
    sure : float
        What every component must reach somewhere; a dot is paler than a line where the picture is soft.
    speck : float
        A smaller area is not a dot, in squares of a stroke's width.
    short : float
        Heights; what is shorter both ways is a speck too.
    tall : float
        Heights; what is taller is a drawing or an edge.
    wide : float
        Heights; what is wider is a drawing, an edge or a scribble. A joined word is less.
    line : float
        Strokes that one straight line is long from which it has no say in the height of a character: rules, edges.
    finest : float
        Strokes; characters are no taller than that, with the finest pen. Else all is lines and edges.
    edge : float
        Heights; what is larger at the picture's edge is a dark edge.
    capital : float
        Heights that capitals among small letters have, at most.
    dot : float
        Heights between an i and its dot.
    near : float
        Heights between neighbours in a line, at most.
    margin : float
        Share of the longer side within which a component counts as touching the picture's edge.
    rules : RulesSettings
        Ruled and squared paper.
    """

    ink: float = 0.42
    sure: float = 0.62
    speck: float = 0.18
    short: float = 0.06
    tall: float = 4.0
    wide: float = 9.0
    line: float = 15.0
    finest: float = 60.0
    edge: float = 1.6
    capital: float = 2.4
    dot: float = 0.3
    near: float = 3.0
    margin: float = 0.004
    rules: RulesSettings = RulesSettings()


@dataclass(frozen=True)
class OrientSettings:
    """Which way is up. Tried by `python -m benchmarks.reading --only turned --only real`, the latter all upright.

    Attributes
    ----------
    sample : int
        Characters of whole lines that are read each way; their number is most of what this stage costs.
    upright : float
        By how much more than upright another way must be read.
    few : float
        How much more than that on top where it is by one character alone; it falls with their number.
    runs : float
        How much the logarithm of the runs' mean length counts beside the confidence.
    gap : float
        Heights between neighbours of a run, at most.
    """

    sample: int = 60
    upright: float = 0.12
    few: float = 0.3
    runs: float = 0.25
    gap: float = 0.6


@dataclass(frozen=True)
class SpacingSettings:
    """Which gaps part words. Tried by the word error rate of `python -m benchmarks.reading --only pages`.

    Attributes
    ----------
    least : float
        Heights that the narrowest gap between words has, at least.
    ratio : float
        How many times the letters' mean gap the words' mean gap is, at least.
    apart : float
        Heights by which it is wider on top of that.
    clear : float
        Variance between the two groups of gaps, in terms of that within them, at least.
    alike : (float, float)
        A line's own threshold, in terms of the page's, is trusted within this range.
    many : int
        Gaps of a line whose own threshold is trusted beyond that range.
    usual : float
        Heights that part words where no threshold is found, at least.
    """

    least: float = 0.3
    ratio: float = 1.7
    apart: float = 0.15
    clear: float = 1.5
    alike: tuple[float, float] = (0.6, 1.8)
    many: int = 10
    usual: float = 0.6


@dataclass(frozen=True)
class GroupSettings:
    """From components to lines. Tried by `python -m benchmarks.reading --only pages --only synthesised --only real`.

    Attributes
    ----------
    big : float
        Heights of the components that lines are found from.
    dot : float
        Heights that a dot has, at most.
    filled : float
        Share of its box that a dot's ink covers, at least.
    overlap : float
        Share of a component's height that lies beside the end of the line it joins, at least.
    same : float
        Heights between two lines that continue each other, at most.
    collide : float
        Share of a line's components above or below those of another with which the two stay two.
    reach : float
        Heights between a dot, comma or bar and its line, sideways, at most.
    above : float
        The same above the line: the dot of an i.
    below : float
        The same below the line: a comma.
    stacked : float
        Share of the narrower of two components that stands above or below the other when they are one character.
    stacked_whole : float
        The same where both are as tall as characters: V and A reach over each other.
    gutter : float
        Heights between columns, at least.
    column_lines : int
        Lines that a column has, at least.
    column : float
        Share of the page's width that a column has, at least: numbers in the margin are none.
    spacing : SpacingSettings
        Which gaps part words.
    """

    big: float = 0.5
    dot: float = 0.75
    filled: float = 0.6
    overlap: float = 0.35
    same: float = 0.45
    collide: float = 0.4
    reach: float = 2.5
    above: float = 0.45
    below: float = 0.3
    stacked: float = 0.4
    stacked_whole: float = 0.75
    gutter: float = 2.5
    column_lines: int = 3
    column: float = 0.2
    spacing: SpacingSettings = SpacingSettings()


@dataclass(frozen=True)
class SplitSettings:
    """How a line is cut into candidates. Tried by `python -m benchmarks.reading --only pages --only synthesised`.

    Attributes
    ----------
    wide : float
        Heights from which a component is looked at for places to cut.
    thin : float
        Strokes of ink in a column, at most, where a wide component is cut.
    cuts : int
        Places at which a wide component is cut, at most.
    cuts_again : int
        The same where no character was found in it.
    apart : float
        Heights between two cuts, at least.
    margin : float
        Heights between a cut and the component's ends, at least.
    longest : int
        Segments that may be one character.
    gap : float
        Heights between segments that may be one character, at most.
    narrow : float
        Heights: of components wider and taller than that, no two are one character.
    character_width : float
        Heights that a character is wide, at most.
    character_height : float
        Heights that a character is tall, at most.
    lean : float
        Shift per unit of height; what leans less is left as it is.
    lean_clear : float
        How many times the mean sharpness that of the best lean is, at least; else the hand does not lean.
    """

    wide: float = 0.85
    thin: float = 1.8
    cuts: int = 3
    cuts_again: int = 4
    apart: float = 0.25
    margin: float = 0.3
    longest: int = 3
    gap: float = 0.3
    narrow: float = 0.32
    character_width: float = 1.4
    character_height: float = 2.2
    lean: float = 0.12
    lean_clear: float = 1.15


@dataclass(frozen=True)
class PlaceSettings:
    """Size and height above the baseline. Tried by `python -m benchmarks.reading --only pages --only synthesised`.

    Attributes
    ----------
    spread : float
        Standard deviation of a hand's sizes, in heights of a capital (`s` in `geometry`).
    floor : float
        Least factor: the network's opinion is never overruled altogether.
    likely : int
        Classes of a character that have a say in where its line runs, the most probable ones.
    page_spread : float
        Standard deviation of the logarithm of capitals' heights among the lines of a page.
    """

    spread: float = 0.15
    floor: float = 0.02
    likely: int = 10
    page_spread: float = 0.22


@dataclass(frozen=True)
class DecodeSettings:
    """Costs of a way through a line, as logarithms. Tried by `python -m benchmarks.reading --only pages`.

    Attributes
    ----------
    cut : float
        Cost of each side of a character that lies within a component.
    joined : float
        Cost of a gap within a character, a usual height wide.
    steps : float
        How much the neighbours' kinds count: half of what they do in `rescore`, where the cuts are settled.
    rejected : float
        Probability of "no character" above which a component is cut again: more likely none than one.
    """

    cut: float = 0.9
    joined: float = 1.5
    steps: float = 0.5
    rejected: float = 0.5


@dataclass(frozen=True)
class RecogniseSettings:
    """The network for single characters. Tried by `python -m benchmarks.reading --only characters`.

    Attributes
    ----------
    twin : float
        How much a letter counts for its twin where one case alone can be written: enough to decide what nothing else
        looks like, too little to make every 0 an O because of o.
    foreign : float
        How much a character counts that the alphabet leaves out. It is unlikely, not impossible: a full stop beside
        figures stays one, and is left out.
    sure : float
        A picture whose most probable class is less probable gets a second look; above, hardly an answer changes.
    turns : tuple of float
        Degrees by which it is turned for that.
    split : SplitSettings
        How a line is cut into candidates.
    place : PlaceSettings
        What a character's place in its line says.
    decode : DecodeSettings
        How the best way through the candidates is found.
    """

    twin: float = 0.05
    foreign: float = 0.05
    sure: float = 0.7
    turns: tuple[float, ...] = (-8.0, 8.0)
    split: SplitSettings = SplitSettings()
    place: PlaceSettings = PlaceSettings()
    decode: DecodeSettings = DecodeSettings()


@dataclass(frozen=True)
class SelectSettings:
    """What is writing. Fitted and tried by `python -m benchmarks.gate`, which prints what every change costs.

    Attributes
    ----------
    weights : (float, float, float, float, float)
        Of the five features (`selection.features`), fitted on half of the benchmark's pages, rounded.
    page : float
        Evidence (logarithm of the odds) of all lines together below which a page is left out: even odds.
    line : float
        Evidence below which a line is left out, on whatever page; chosen with pages from the wild in sight.
    part : float
        Share of all marks that lines of writing hold, at least: of many marks some look like a line by chance.
    """

    weights: tuple[float, float, float, float, float] = (2.5, 3.7, -3.3, 1.1, -2.6)
    page: float = 0.0
    line: float = -2.0
    part: float = 0.2


@dataclass(frozen=True)
class RescoreSettings:
    """What neighbours say; costs are logarithms of probability. Tried by `python -m benchmarks.reading --only pages`.

    Attributes
    ----------
    alternatives : int
        Of a character that take part, the most probable ones.
    sentence : float
        A small letter where a sentence begins.
    item : float
        A comma or quotation mark after the number that heads a line of words: items of lists are 1. or 1).
    inner_capital : float
        A small letter after a capital, at the third letter of a word or later: "McDonald" is rare.
    possible : float
        Probability that a letter must have to be chosen for the sake of a word list.
    costliest : float
        How much less probable a listed word may be.
    """

    alternatives: int = 6
    sentence: float = -1.5
    item: float = -6.0
    inner_capital: float = -2.0
    possible: float = 0.04
    costliest: float = 4.0


@dataclass(frozen=True)
class StripSettings:
    """From a line's ink to its strip. Tried by looking at the strips of photographed pages (`strips_of`).

    `python -m benchmarks.reading --only real` shows what a change does.

    Attributes
    ----------
    ink : float
        What counts as ink, as in `SegmentSettings`.
    soft : float
        Strokes around a line's own ink within which paler ink is its own too.
    margin : int
        Pixels of paper on the strip's left and right.
    stretch : float
        Heights of a letter that a stretch is wide, at each of which the line's highest and lowest ink are looked at.
    degrees : (float, float, float)
        Heights that a line is long from which it may slant, bend, and bend twice.
    stiff : float
        How much a bend counts against the fit; a slant costs nothing.
    spread : float
        Heights from the curve at which ink counts half for it.
    above : float
        Heights of the usual letters that others reach above them, at most: beyond is a stray mark.
    below : float
        The same below them.
    least : float
        Share of the usual height of the page's lines that a line is taken for at least.
    """

    ink: float = 0.42
    soft: float = 0.7
    margin: int = 6
    stretch: float = 0.6
    degrees: tuple[float, float, float] = (3.0, 8.0, 20.0)
    stiff: float = 0.002
    spread: float = 0.2
    above: float = 1.5
    below: float = 1.3
    least: float = 0.55


@dataclass(frozen=True)
class FindingSettings:
    """From components, as wide as words or as tall as two lines, to lines. Lengths are heights of a letter.

    `python -m benchmarks.reading --only real` shows what a change does.

    Attributes
    ----------
    rule : float
        What is longer and nothing but one line is a rule, an underline or an edge.
    framed : float
        What has something taller than this inside, ink of its own all around, is a frame.
    pale : float
        Share of the writing's usual darkness below which a component shows through from behind: on photographed pages
        a hand keeps within 0.9, what shows through has 0.7.
    faint : float
        Width of a row of such components, at least: less are flecks.
    goes_on : float
        Gap between a row and one that goes on with it, at most.
    ends : int
        Pieces at the end of a row that say how high it ends.
    beside : float
        Share of the lower of the two by which they lie beside each other, at least.
    larger : float
        How many times as much writing another row has, at least, to take up what stands alone in one.
    bar : float
        Height of upright lines at the ends of a row that are none of its letters.
    block : float
        The same of what is thicker than a stroke and solid.
    solid : float
        Share of its box that this fills.
    group : float
        What counts as the height of a character where pieces are grouped: some of joined writing lie far off the
        middle of their line.
    piece : float
        Width of the pieces that wide components are looked at in.
    tall : float
        Pieces that are taller are of a heading, a drawing, or of two lines.
    reach : float
        How far a line is prolonged to meet such a piece.
    alone : float
        What has nothing of its row this near, sideways, stands alone in it.
    company : float
        Width of what is that near, at most, to count as nothing.
    close : float
        The same to the writing of another row that it may belong to.
    above : float
        How far above that writing it may lie: the dot of an i, an exponent.
    below : float
        How far below: a comma, a tail.
    smallest : float
        Height of what makes rows of its own beside larger writing, at least.
    core : float
        Rows either side of a line's middle that its letters fill.
    part : float
        Share of the ink that a component has there in one line, from which it holds writing of another line too.
    between : float
        Share of the way between two lines in which a cut is looked for, about its middle.
    field : float
        A gap that parts fields.
    """

    rule: float = 4.0
    framed: float = 0.45
    pale: float = 0.82
    faint: float = 3.0
    goes_on: float = 2.5
    ends: int = 4
    beside: float = 0.5
    larger: float = 2.0
    bar: float = 2.4
    block: float = 1.5
    solid: float = 0.75
    group: float = 1.25
    piece: float = 0.9
    tall: float = 2.2
    reach: float = 3.0
    alone: float = 1.5
    company: float = 0.6
    close: float = 0.8
    above: float = 0.45
    below: float = 0.5
    smallest: float = 0.3
    core: float = 0.35
    part: float = 0.3
    between: float = 0.7
    field: float = 5.0


@dataclass(frozen=True)
class LineSelectSettings:
    """Whether lines are writing, by what is read in them (`lines.judging`).

    Chosen by hand on photographed pages: lines of writing have mean confidences of 0.6 and more, joined ones 0.43;
    marks of photographs of scenes at most 0.48, and few characters for their length.

    `python -m benchmarks.reading --only real` shows what a change does.

    Attributes
    ----------
    weights : (float, float, float, float)
        Of the mean logarithm of the characters' confidences, the logarithm of their number, that of their number for
        each height of the strip, and 1.
    line : float
        Evidence (logarithm of the odds) below which a line that stands alone is left out: even odds.
    page : float
        Evidence of all likely lines together below which a page is left out.
    support : float
        How much less evidence a line needs beside clear writing, at most.
    """

    weights: tuple[float, float, float, float] = (4.0, 1.5, 0.5, -0.3)
    line: float = 0.0
    page: float = 0.0
    support: float = 1.5


@dataclass(frozen=True)
class LineTurnSettings:
    """Which way up a page is, by how well its longest lines read (`lines.judging`).

    On photographed pages upright lines read at 0.85 and more, by 0.13 and more better than upside down, and those of
    pages on their side at 0.5.

    `python -m benchmarks.reading --only real` shows what a change does.

    Attributes
    ----------
    lines : int
        Lines that are read each way, at most.
    pixels : int
        Of their strips' widths together, at most.
    upright : float
        By how much more than upright another way must be read.
    sure : float
        Where lines read better than that as they are, or upside down, the page is not on its side.
    few : float
        Characters' worth of doubt: what reads as a few characters is little evidence.
    """

    lines: int = 5
    pixels: int = 2500
    upright: float = 0.1
    sure: float = 0.65
    few: float = 4.0


@dataclass(frozen=True)
class LinesSettings:
    """Reading whole lines.

    `python -m benchmarks.reading --only real` shows what a change does.

    Attributes
    ----------
    segment : SegmentSettings
        Components of joined writing, which are as wide as words and, where lines touch, as tall as several lines.
    finding : FindingSettings
        From components to lines.
    group : GroupSettings
        Pieces of components grouped as if they were letters.
    strip : StripSettings
        From a line's ink to its strip.
    turn : LineTurnSettings
        Which way up the page is.
    select : LineSelectSettings
        What is writing.
    """

    segment: SegmentSettings = SegmentSettings(short=0.03, tall=12.0, wide=40.0, edge=3.0, capital=8.0)
    finding: FindingSettings = FindingSettings()
    group: GroupSettings = GroupSettings(big=0.4)
    strip: StripSettings = StripSettings()
    turn: LineTurnSettings = LineTurnSettings()
    select: LineSelectSettings = LineSelectSettings()


@dataclass(frozen=True)
class ReaderSettings:
    """Every threshold of the reader, by stage; `python -m benchmarks.reading` shows what a change does.

    Attributes
    ----------
    sheet : SheetSettings
        What lies around the paper.
    binarise : BinariseSettings
        From a picture to ink.
    deskew : DeskewSettings
        How far lines are turned to be level.
    segment : SegmentSettings
        Connected components, ruled paper, edges.
    orient : OrientSettings
        Which way is up.
    group : GroupSettings
        Lines, columns and words.
    recognise : RecogniseSettings
        Cutting, the network, place in the line, decoding.
    select : SelectSettings
        What is writing.
    rescore : RescoreSettings
        What neighbours and a word list say.
    lines : LinesSettings
        Whole lines instead of pieces.
    sure_of_pieces : float
        Mean confidence of a page read character by character from which no whole lines are read. Of pages by hands
        that print their letters apart nearly all reach it (`python -m benchmarks.reading --only synthesised`).
    sure_of_lines : float
        Mean confidence of a page's whole lines from which they say which way up it is, for single characters too.
    alternatives : int
        Alternatives of a character that the page keeps, at most.
    improbable : float
        Probability of an alternative that is not worth keeping: the JSON rounds it to 0.0005.

    Examples
    --------
    >>> from glassnet.reader import ReaderSettings
    >>> ReaderSettings().recognise.sure
    0.7
    """

    sheet: SheetSettings = SheetSettings()
    binarise: BinariseSettings = BinariseSettings()
    deskew: DeskewSettings = DeskewSettings()
    segment: SegmentSettings = SegmentSettings()
    orient: OrientSettings = OrientSettings()
    group: GroupSettings = GroupSettings()
    recognise: RecogniseSettings = RecogniseSettings()
    select: SelectSettings = SelectSettings()
    rescore: RescoreSettings = RescoreSettings()
    lines: LinesSettings = LinesSettings()
    sure_of_pieces: float = 0.9
    sure_of_lines: float = 0.7
    alternatives: int = 4
    improbable: float = 5e-4


DEFAULTS = ReaderSettings()
