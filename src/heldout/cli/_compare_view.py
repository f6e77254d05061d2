"""A comparison on the terminal, for every command that ends with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heldout.cli import compare as told

if TYPE_CHECKING:
    from heldout.cli._env import Environment
    from heldout.records import Comparison


def show_comparison(comparison: Comparison, env: Environment) -> None:
    """The answer in sentences, then runs, pairs and seeds as tables."""
    console = env.console()
    names = told._names(comparison)
    for sentence in told.sentences(comparison, names):
        env.say(sentence)
    tables = [*told._run_tables(comparison, names, console.width), *told._pair_tables(comparison, names)]
    for table in [*tables, *told._group_tables(comparison)]:
        env.say("")
        console.print(table)
    env.say("")
    env.say(told._note(comparison))
