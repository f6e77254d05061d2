"""What differs between two answers of the golden record, names that changed aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

RENAMED_KEYS = {"test_looks": "test_evaluations"}
"""Key in the golden record -> key of a later version, wherever it stands."""

RENAMED_LENSES = {"looks": "appearance", "covariate shift": "appearance"}
"""Name of a lens -> name of a later version."""

RENAMED_PARTS: dict[str, str] = {
    "known looks, more frequent on test": "known to validation, more frequent on test",
    "same looks, still worse": "alike on both sides, still worse",
    "looks that validation lacks": "missing from validation",
    "same_looks_points": "alike_points",
}
"""Name of a part of a lens, a number of a finding or a code -> that of a later version."""

MOVED_NUMBERS = {"of_threshold": "threshold", "of_ranking": "ranking", "of_difficulty": "difficulty"}
"""Key of a finding's `numbers` -> key of its `explains`."""

IGNORED = {"format", "seconds_per_epoch", "wall_seconds", "device"}
"""Keys that are not compared."""

WORDS = {"sentence", "summary", "detail", "reason", "remedy", "title", "limits", "method"}
"""Keys of prose; `cause` of a finding and `name` of a remedy besides."""

SETS = {"review", "parts", "recall"}
"""Keys of mappings in which a further key is a difference too; elsewhere further keys are new, and ignored."""

TOLERANCE = 1e-9

SHOWN = 60
"""Differences that are printed at most."""


def canonical(value: Any, ids: dict[str, str]) -> Any:
    """JSON with the names of later versions, runs called by what they are, and lists of named things as mappings."""
    if isinstance(value, str):
        return ids.get(value, value)
    if isinstance(value, list):
        items = [canonical(item, ids) for item in value]
        if not items or not all(isinstance(item, dict) for item in items):
            return items
        seen: Counter[str] = Counter()
        named: dict[str, Any] = {}
        for item in items:
            name = name_of(item)
            seen[name] += 1
            named[name if seen[name] == 1 else f"{name}#{seen[name]}"] = item
        return {"order": list(named), **named}
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        found[RENAMED_KEYS.get(key) or ids.get(key) or str(key)] = canonical(item, ids)
    found = {RENAMED_PARTS.get(key, key): item for key, item in found.items() if key not in IGNORED}
    if "parts" in found:
        found["name"] = RENAMED_LENSES.get(found["name"], found["name"])
    if "code" in found:
        found["code"] = RENAMED_PARTS.get(found["code"], found["code"])
        numbers = dict(found.get("numbers", {}))
        moved = {new: numbers.pop(old) for old, new in MOVED_NUMBERS.items() if old in numbers}
        found |= {"numbers": numbers, "explains": {**moved, **(found.get("explains") or {})}}
    return found


def name_of(item: dict[str, Any]) -> str:
    """By what an item of a list is known, so that items are compared with their likes and the order by itself."""
    if "gain_points" in item:
        return str(item.get("cause", ""))
    keys = (("code",), ("term",), ("run",), ("id",), ("a", "b"), ("name", "group"), ("model", "strategy"), ("name",))
    for each in keys:
        if all(key in item for key in each):
            return "~".join(str(item[key]) for key in each)
    return "item"


def run_names(study: dict[str, Any]) -> dict[str, str]:
    """Id of a run -> model, strategy and seed, in case another version hashes its recipe otherwise."""
    return {row["id"]: f"{row['strategy']}-{row['seed']}" for row in study["compare"]["runs"]}


@dataclass
class Differences:
    """What differs.

    Attributes:
        facts: (path, words).
        words: Likewise, of prose.
        numbers: How many numbers were compared.
        largest: The largest deviation that was let pass.
    """

    facts: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    words: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    numbers: int = 0
    largest: float = 0.0

    def compare(self, golden: Any, now: Any, path: tuple[str, ...]) -> None:
        """Walk both trees."""
        if isinstance(golden, dict) and isinstance(now, dict):
            self._mappings(golden, now, path)
        elif is_number(golden) and is_number(now):
            self.numbers += 1
            off = abs(golden - now)
            if off > TOLERANCE * max(1.0, abs(golden)):
                self.facts.append((path, f"{golden!r} -> {now!r} ({now - golden:+.3g})"))
            else:
                self.largest = max(self.largest, off)
        elif golden != now:
            self.facts.append((path, unlike(golden, now)))

    def _mappings(self, golden: dict[str, Any], now: dict[str, Any], path: tuple[str, ...]) -> None:
        for key, value in golden.items():
            here = (*path, key)
            if is_prose(key, golden):
                if value != now.get(key):
                    self.words.append((here, f"{value!r}\n     -> {now.get(key)!r}"))
            elif key not in now:
                self.facts.append((here, f"{short(value)} -> nothing"))
            else:
                self.compare(value, now[key], here)
        if path[-1] in SETS:
            self.facts.extend(((*path, key), f"nothing -> {short(now[key])}") for key in now if key not in golden)


def is_number(value: Any) -> bool:
    """Whether it is a number and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_prose(key: str, owner: dict[str, Any]) -> bool:
    """Whether a key holds words for people."""
    return key in WORDS or (key == "cause" and "code" in owner) or (key == "name" and "gain_points" in owner)


def short(value: Any) -> str:
    """A value in at most a hundred characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}…"


def unlike(golden: Any, now: Any) -> str:
    """Two values that are not equal; of lists the first place where they part."""
    if isinstance(golden, list) and isinstance(now, list):
        pairs = zip(golden, now, strict=False)
        place = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(golden), len(now)))
        moved = (
            "other order" if sorted(map(str, golden)) == sorted(map(str, now)) else f"{len(golden)} -> {len(now)} items"
        )
        return f"{moved}; from place {place}: {short(golden[place : place + 4])} -> {short(now[place : place + 4])}"
    return f"{short(golden)} -> {short(now)}"


def grouped(found: list[tuple[tuple[str, ...], str]]) -> Iterator[str]:
    """Lines under a heading for each finding, term or row."""
    heading = None
    for path, words in found:
        if path[:5] != heading:
            heading = path[:5]
            yield "/".join(heading)
        yield f"     {'/'.join(path[5:]) or '(itself)'}: {words}"


def report(golden: dict[str, Any], now: dict[str, Any], prose: bool, shown: int = SHOWN) -> int:
    """Print what differs; 1 if a fact does."""
    found = Differences()
    for study, views in golden.items():
        old, new = run_names(views), run_names(now[study])
        for view, value in views.items():
            found.compare(canonical(value, old), canonical(now[study][view], new), (study, view))
    lines = list(grouped(found.facts))
    for line in lines[:shown]:
        print(line)
    if len(lines) > shown:
        print(f"… and {len(lines) - shown} lines more")
    for (study, view), number in Counter(path[:2] for path, _ in found.facts).items():
        print(f"{study}/{view}: {number} differences")
    for line in grouped(found.words) if prose else ():
        print(line)
    print(
        f"{len(found.facts)} differences in facts, {len(found.words)} in words; {found.numbers} numbers compared, the "
        f"largest deviation that was let pass is {found.largest:.1e}"
    )
    return int(bool(found.facts))
