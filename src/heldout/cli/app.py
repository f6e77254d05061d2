"""`main(args, env) -> ExitStatus`: the outside world is one injected object, and errors leave through one funnel.

A command is a module of this package with a function, or a `typer.Typer`, bound to `COMMAND`; its name is the module's.
Command modules import only `typer`, `env` and `options` at the top and everything else inside the function,
so that `heldout --help` answers at once and the cheap half never imports torch.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Annotated, Any, TextIO

import typer

from heldout._version import __version__
from heldout.cli.env import Environment, speak_plainly
from heldout.errors import HeldoutError, UsageError
from heldout.registry import Shelf, faults
from heldout.system_errors import told


class ExitStatus(IntEnum):
    """What the process returns."""

    OK = 0
    ERROR = 1
    USAGE = 2
    ESTABLISHED = 3
    INTERRUPTED = 130


commands: Shelf[Callable[..., Any] | typer.Typer] = Shelf("heldout.cli", attribute="COMMAND", noun="command")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"heldout {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    show_traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code an error arose.")] = False,
) -> None:
    """Which pretrained model and strategy to trust on your biomedical images, and why test disagrees with validation.

    Start with `heldout demo`, or with your own images: `heldout inspect DATA`, then `heldout run DATA`.
    """


def build() -> typer.Typer:
    """The application with every command on the shelf."""
    app = typer.Typer(name="heldout", no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")
    app.callback()(_top)
    for name in commands.names():
        command = commands.get(name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name, help=inspect.cleandoc(command.__doc__ or ""))(command)
    return app


def main(args: Sequence[str], env: Environment | None = None) -> ExitStatus:
    """Run one command line.

    Args:
        args: The words after `heldout`.
        env: Where output goes; the process's own by default.

    Returns:
        The exit status; nothing is raised but what cannot be foreseen with `--traceback`.
    """
    env = env or Environment()
    arguments = list(args)
    try:
        status = _answer(arguments, env)
    except OSError as error:  # the streams themselves: `> /dev/full`
        env.error(str(told(error)))
        status = ExitStatus.ERROR
    for fault in faults():
        env.error(fault)
    return status


def _answer(arguments: list[str], env: Environment) -> ExitStatus:
    """Run the command; every error becomes a sentence and a status."""
    show_traceback = "--traceback" in arguments
    try:
        command = typer.main.get_command(build())
        status = command.main(arguments, prog_name="heldout", standalone_mode=False, obj=env)
        if status == ExitStatus.INTERRUPTED:  # typer answers Ctrl-C itself, with nothing but this number
            raise KeyboardInterrupt
        return ExitStatus(status) if isinstance(status, int) else ExitStatus.OK
    except (KeyboardInterrupt, typer.Abort) as stop:
        if isinstance(stop.__cause__, EOFError):  # a file that ended early; typer takes it for Ctrl-D at a prompt
            return _unforeseen(stop.__cause__, env, show_traceback)
        env.error("Interrupted; what was finished is kept, and the same command goes on from there.")
        return ExitStatus.INTERRUPTED
    except SystemExit as stop:  # click's own answer to a reader that went away: `heldout models | head` is no error
        return ExitStatus.OK if isinstance(stop.__context__, BrokenPipeError) else ExitStatus.ERROR
    except typer.Exit as stop:
        return ExitStatus(stop.exit_code)
    except HeldoutError as error:
        if show_traceback:
            env.error(traceback.format_exc())
        env.error(str(error))
        return ExitStatus.USAGE if isinstance(error, UsageError) else ExitStatus.ERROR
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # click's own usage errors
            env.error(f"{error.format_message()}\nTry `heldout --help`, or `heldout COMMAND --help`.")
            return ExitStatus.USAGE
        return _unforeseen(error, env, show_traceback)


def _unforeseen(error: BaseException, env: Environment, show_traceback: bool) -> ExitStatus:
    """What the system refused, in a sentence; anything else is ours to mend."""
    if show_traceback:
        env.error("".join(traceback.format_exception(error)))
    of_system = told(error)
    if of_system is not None:
        env.error(str(of_system))
    else:
        env.error(
            f"Something we did not foresee: {type(error).__name__}: {error}\n"
            f"Run the same command as `heldout --traceback …` and report what it prints."
        )
    return ExitStatus.ERROR


def entry() -> None:
    """The `heldout` command."""
    for stream in (sys.stdout, sys.stderr):
        speak_plainly(stream)
    if sys.stdout is None:
        os.open(os.devnull, os.O_WRONLY)  # its number must not become that of a file that is opened next
        Environment(stdout=sys.stderr).error("Standard output is closed; expected a terminal, a file or a pipe.")
        sys.exit(ExitStatus.ERROR)
    status = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `heldout models | head` is no error
        _drop(sys.stdout)
    except OSError as error:
        Environment().error(str(told(error)))
        _drop(sys.stdout)
        status = ExitStatus.ERROR
    sys.exit(status)


def _drop(stream: TextIO) -> None:
    """Let what cannot be written go nowhere, so that Python does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
