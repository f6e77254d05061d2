"""Text to settings and back: `--set frozen.bn=train` becomes a field of a frozen dataclass."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from heldout.errors import UsageError

S = TypeVar("S")


def parse_assignments(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """`["frozen.bn=train", "frozen.lr=1e-3"]` -> `{"frozen": {"bn": "train", "lr": "1e-3"}}`.

    Raises:
        UsageError: A text is not of the form `NAME.SETTING=VALUE`.
    """
    parsed: dict[str, dict[str, str]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        owner, dot, setting = target.strip().rpartition(".")
        if not (equals and dot and owner and setting):
            raise UsageError(f"Found --set '{text}'; expected STRATEGY.SETTING=VALUE, for example frozen.bn=train.")
        parsed.setdefault(owner, {})[setting] = value.strip()
    return parsed


def with_settings(settings: S, values: Mapping[str, str], owner: str) -> S:
    """A copy of a frozen settings dataclass with some fields set from text.

    Args:
        settings: An instance of a frozen dataclass.
        values: Field name -> text.
        owner: What the settings belong to, for messages.

    Raises:
        UsageError: A field that does not exist, or a text that its type does not accept; all of them at once.
    """
    assert dataclasses.is_dataclass(settings)
    hints = get_type_hints(type(settings))
    fields = {field.name: hints[field.name] for field in dataclasses.fields(settings) if field.init}
    changed: dict[str, Any] = {}
    wrong: list[str] = []
    for name, text in values.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=2) or sorted(fields)
            wrong.append(f"{owner} has no setting '{name}'; it has: {', '.join(near)}")
            continue
        try:
            changed[name] = parse_value(text, fields[name])
        except ValueError as error:
            wrong.append(f"{owner}.{name}: found '{text}'; expected {error}")
    if wrong:
        raise UsageError("\n".join(wrong))
    try:
        return dataclasses.replace(settings, **changed)  # type: ignore[type-var, unused-ignore]
    except ValueError as error:
        raise UsageError(f"{owner}: {error}") from error


def parse_value(text: str, kind: Any) -> Any:
    """Turn text into a value of a type: bool, int, float, str, Literal, X | None, tuple[X, ...].

    Raises:
        ValueError: The text does not fit; its message says what does.
    """
    origin = get_origin(kind)
    if origin is Literal:
        for option in get_args(kind):
            if text == str(option):
                return option
        raise ValueError("one of " + ", ".join(str(option) for option in get_args(kind)))
    if origin in (Union, types.UnionType):
        options = get_args(kind)
        if type(None) in options and text.lower() in ("none", ""):
            return None
        return parse_value(text, next(option for option in options if option is not type(None)))
    if origin is tuple:
        item = get_args(kind)[0]
        return tuple(parse_value(part.strip(), item) for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() in ("true", "yes", "on", "1"):
            return True
        if text.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError("true or false")
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError("a whole number" if kind is int else "a number") from None
    return text


def describe(settings_type: type) -> list[tuple[str, str, str]]:
    """(name, type, default) of every field of a settings dataclass, for help texts."""
    hints = get_type_hints(settings_type)
    rows = []
    for field in dataclasses.fields(settings_type):
        kind = hints[field.name]
        shown = (
            " | ".join(map(str, get_args(kind)))
            if get_origin(kind) is Literal
            else getattr(kind, "__name__", str(kind))
        )
        rows.append((field.name, shown.replace("NoneType", "none"), str(field.default)))
    return rows


def explain(settings_type: type) -> dict[str, str]:
    """Name -> explanation of every field of a settings dataclass, from the `Attributes:` of its docstring.

    A field that is inherited is explained where it was declared, or anew in the class that gives it another default.
    """
    found: dict[str, str] = {}
    for kind in reversed(settings_type.__mro__):
        if "__doc__" in vars(kind) and dataclasses.is_dataclass(kind):
            found.update(_attributes(inspect.cleandoc(kind.__doc__ or "")))
    return {field.name: found.get(field.name, "") for field in dataclasses.fields(settings_type)}


def _attributes(manual: str) -> dict[str, str]:
    """`Attributes:` of a Google docstring: name -> text in one line."""
    found: dict[str, str] = {}
    name = ""
    for line in manual.partition("\nAttributes:\n")[2].splitlines():
        if line.startswith("     "):
            found[name] += f" {line.strip()}"
        elif line.startswith("    "):
            name, _, text = line.strip().partition(": ")
            found[name] = text
        elif line.strip():
            break
    return found
