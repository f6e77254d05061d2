"""From a policy and a choice of channels to their numbers, computed once, on training images alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy.typing as npt

from heldout.data.squares import Place, Squares, image_at
from heldout.errors import InputError, Problem
from heldout.files import hash_of
from heldout.images import Decoded, ImageError, close_arrays, quietly
from heldout.images.channels import RGB, parse_channels
from heldout.images.histogram import span_of
from heldout.images.intensity import FullRange, Percentile, Policy, Window, parse_intensity
from heldout.images.memory import one_image
from heldout.images.prepare import EIGHT, MORE, chosen_channels, depth_of
from heldout.images.reading import grey_if_equal, of_array
from heldout.progress import Reporter, Silent
from heldout.records import Cohort, InputMap
from heldout.records.codec import read_record, write_sealed

Read = Callable[[], Iterable[Decoded]]
"""Gives the training images, anew each time it is called."""

SILENT = Silent()

MAX_THREADS = 8

FULL_WIDTH = 32
"""Bits of a channel that may be floating-point numbers; fewer are whole."""

WAITING = 2**28
"""Bytes of images that are decoded and not yet counted, at most, unless one alone takes more."""


def input_map_of(
    cohort: Cohort,
    train: Sequence[str],
    intensity: str = "",
    channels: str = "",
    folder: Path | None = None,
    reporter: Reporter = SILENT,
    squares: Squares | None = None,
) -> InputMap | None:
    """The rule by which a cohort's images become inputs of a network.

    Args:
        cohort: All images.
        train: Ids of the training images.
        intensity: The policy; empty for the one that the cohort was read with.
        channels: The choice of channels; likewise.
        folder: Where numbers that were computed are kept, and found again; None keeps none.
        reporter: Told of every training image that is read.
        squares: What was kept when the images were measured.

    Returns:
        The rule; None where 8-bit grey and RGB images are taken as they are.

    Raises:
        UsageError: A text that is no policy or choice.
        InputError: A training image cannot be read any more, or the numbers would make a blank image of every one.
    """
    intensity, channels = intensity or cohort.intensity, channels or cohort.channels
    if not intensity and not channels:
        return None
    table = cohort.table
    number, bits = int(table["channels"].max()), int(table["bits"].max())
    trained = table.set_index("id").loc[list(train)]
    rows = trained[["source", "member", "row"]]
    largest = int((table["width"] * table["height"] * table["channels"]).max()) * max(1, bits // 8)

    def read() -> Iterator[Decoded]:
        places = list(rows.itertuples(index=False, name=None))
        at_once = max(1, WAITING // max(1, largest))
        threads = min(MAX_THREADS, (os.cpu_count() or 1) + 2)
        starts = [0, *range(1, len(places), at_once), len(places)]  # one first: its type may be all that is asked for
        reporter.begin("Values of training images", len(places))
        try:
            with quietly(), ThreadPoolExecutor(threads) as pool:
                for start, end in pairwise(starts):
                    for image in pool.map(lambda place: _read(Path(cohort.root), place, squares), places[start:end]):
                        yield image
                        reporter.step()
        finally:
            reporter.end()
            close_arrays()

    def first_wide() -> Decoded:
        return _read(Path(cohort.root), tuple(rows[trained["bits"] >= FULL_WIDTH].iloc[0]), squares)

    file = None if folder is None else folder / f"{hash_of([intensity, channels, list(train)], 16)}.json"
    kept = None if file is None else _kept(file, reporter)
    if kept is not None and kept.images == len(rows):  # else it is none of ours, and is made anew
        return kept if kept.depths else _with_depths(kept, trained["bits"], first_wide)
    rule = _with_depths(rule_of(read, intensity, channels, number, bits), trained["bits"], first_wide)
    if file is not None and rule is not None and rule.images:
        write_sealed(file, rule)
    return rule


def _kept(file: Path, reporter: Reporter) -> InputMap | None:
    """The rule that an earlier call computed; None where there is none, or it is damaged."""
    if not file.exists():
        return None
    try:
        return read_record(InputMap, file)
    except InputError as error:
        reporter.note(f"{file} is damaged ({error.problems[0].found}), and is computed anew.")
        return None


def input_map_of_arrays(X: npt.NDArray[Any], cohort: Cohort, train: Sequence[str]) -> InputMap | None:
    """The rule for images in memory, by the policy and the choice of their cohort.

    Args:
        X: The images, (n, h, w) or (n, h, w, k).
        cohort: Of `cohort_of_arrays`.
        train: Ids of the training images.

    Raises:
        UsageError: A text that is no policy or choice.
        InputError: The numbers would make a blank image of every one.
    """
    table = cohort.table
    rows = table.set_index("id").loc[list(train), "row"]

    def read() -> Iterator[Decoded]:
        return (grey_if_equal(of_array(X[row], f"X row {row}")) for row in rows)

    if not cohort.intensity and not cohort.channels:
        return None
    number, bits = int(table["channels"].max()), int(table["bits"].max())
    rule = rule_of(read, cohort.intensity, cohort.channels, number, bits)
    return _with_depths(rule, table["bits"], lambda: next(iter(read())))


def rules_before(intensity: str, channels: str) -> tuple[InputMap | None, ...]:
    """What the rule may be, as far as that is known before an image was read; nothing where it hangs on the images.

    Args:
        intensity: The policy; empty for none.
        channels: The choice of channels; empty for none.

    Raises:
        UsageError: A text that is no policy.
    """
    policy = parse_intensity(intensity) if intensity else None
    if channels or (policy is not None and policy.learned):
        return ()
    if policy is None:
        return (None,)
    rule = InputMap(intensity=policy.text)
    return (rule, None) if isinstance(policy, FullRange) else (rule,)  # as `rule_of`, of 8-bit images


def rule_of(read: Read, intensity: str, channels: str, number: int, bits: int) -> InputMap | None:
    """The rule for images that are read by a function.

    Args:
        read: Gives the training images.
        intensity: The policy; empty for none.
        channels: The choice of channels; empty for none.
        number: Channels that an image has at most.
        bits: Bits of a channel at most.

    Raises:
        UsageError: A text that is no policy or choice.
        InputError: The numbers would make a blank image of every one.
    """
    policy = parse_intensity(intensity) if intensity else None
    if isinstance(policy, FullRange) and bits <= 8:
        policy = None  # 8-bit values have their full range as they are
    rule = InputMap(intensity="" if policy is None else policy.text)
    if channels:
        choice = parse_channels(channels)
        kept: tuple[int, ...] = ()
        if choice.kind == "select":
            kept = choice.numbers(number, next(iter(read())).channel_names or (RGB if number == len(RGB) else ()))
        rule = replace(rule, channels=channels.strip(), chosen=kept, of=number)
    if rule == InputMap():
        return None
    return rule if policy is None or not policy.learned else _learned(rule, policy, read)


def _with_depths(rule: InputMap | None, bits: Iterable[int], wide: Callable[[], Decoded]) -> InputMap | None:
    """The rule with the kinds of depth of the training images, where one range of values is for all of them.

    Args:
        rule: Without them.
        bits: Of a channel of the training images.
        wide: Reads one of those of `FULL_WIDTH`, where there are some.
    """
    if rule is None or not rule.intensity:
        return rule
    if not isinstance(parse_intensity(rule.intensity), (Window, Percentile, FullRange)):
        return rule  # each image has its own
    kinds = set(bits)
    found = {EIGHT if each <= 8 else MORE for each in kinds if each < FULL_WIDTH}
    if max(kinds, default=0) >= FULL_WIDTH:
        found.add(depth_of(wide()))
    return replace(rule, depths=tuple(sorted(found)))


def _learned(rule: InputMap, policy: Policy, read: Read) -> InputMap:
    """The rule with the percentiles of the training images; of all channels together where they are colours."""
    assert isinstance(policy, Percentile)

    def values() -> Iterator[npt.NDArray[Any]]:
        for image in read():
            kept = chosen_channels(image, rule, "a training image")
            together = kept.photometric != "channels"
            yield kept.pixels.reshape(*kept.pixels.shape[:1], -1, 1) if together else kept.pixels

    span, images = span_of(values, (policy.low, policy.high))
    if any(low >= high for low, high in zip(span.low, span.high, strict=True)):
        found = (
            f"percentiles {policy.low:g} and {policy.high:g} of the training images that are equal ({span.low[0]:g})"
        )
        remedy = "Take percentiles further apart, or window:LO,HI with the values to be shown."
        raise InputError([Problem(f"--intensity {policy.text}", found, "two different values", remedy)])
    return replace(rule, low=span.low, high=span.high, images=images)


def _read(root: Path, place: Place, squares: Squares | None) -> Decoded:
    try:
        with one_image():
            return image_at(root, place, squares)
    except ImageError as error:
        raise InputError([error.problem(error.where)], "A training image cannot be read any more") from error
