"""The `glassnet` command: finds the sub-command and turns every error into one line and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from glassnet import compiling
from glassnet.cli import process
from glassnet.cli.completion import VARIABLE, candidates
from glassnet.cli.remedies import worded
from glassnet.errors import GlassnetError, TrainingInterrupted, nearest, one_line
from glassnet.team import Team

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 done; 1 a check found something; 2 wrong input; 3 a run of a sweep failed, or nothing was read on a page; 130
    interrupted, by Ctrl-C, SIGTERM or SIGHUP. Every error is one line on standard error. GLASSNET_TRACEBACK=1 shows the
    traceback as well.

    Parameters
    ----------
    arguments : sequence of str, optional
        None takes those of the process, which is then taken to be the command's own: its signals are answered, its
        streams and the warnings of libraries are kept in order (see `glassnet.cli.process`).
    """
    if arguments is not None:
        return _status_of(arguments)
    try:
        process.take_over()
        if not _leads():
            process.keep_quiet()
        status = _status_of(sys.argv[1:])
        process.give_up()
    except KeyboardInterrupt:  # while something else was being reported
        process.give_up()
        status = _report("interrupted", process.INTERRUPTED)
    if status == process.INTERRUPTED:
        process.leave_interrupted()
    return status


def _status_of(arguments: Sequence[str]) -> int:
    try:
        with compiling.announced(_remark if sys.stderr.isatty() else None):
            status = _carry_out(list(arguments))
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of our output is gone: there is nobody to tell
        process.drop(sys.stdout)
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("GLASSNET_TRACEBACK") == "1":
            raise
        if isinstance(error, OSError):  # it may be that nothing can be printed any more
            process.drop_if_broken(sys.stdout)
        text, status = _explain(error)
        if _leads():
            _report(text, status)
            _told_the_others()
        elif not _tell_the_others(text.removeprefix("error: ")):  # process 0 cannot say why
            process.speak_up()
            _report(text, status)
        return status


def _leads() -> bool:
    """Whether this process is the one of several that writes and prints; where the environment is wrong, each does."""
    try:
        return Team.here().leads
    except GlassnetError:
        return True


def _tell_the_others(reason: str) -> bool:
    """Let process 0 print why this one ends; whether it has."""
    from glassnet.engines import torch

    try:
        return bool(torch.end_all(Team.here(), reason))
    except GlassnetError:  # there is no PyTorch: process 0 ends for that reason as well
        return True


def _told_the_others() -> None:
    """The other processes need not print why this one ends."""
    meeting = sys.modules.get("glassnet.engines.torch.meeting")
    if meeting is not None:
        meeting.told()


def _carry_out(arguments: list[str]) -> int:
    import typer

    from glassnet.cli.app import app

    if VARIABLE in os.environ:
        print("\n".join(candidates(arguments)))
        return 0
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    try:
        with typer.main.get_command(app).make_context("glassnet", arguments) as context:
            context.command.invoke(context)
    except typer.Exit as error:
        return error.exit_code
    except Exception as error:
        if type(error).__name__ != "NoArgsIsHelpError":  # `glassnet` or `glassnet data` alone: which commands there are
            raise
        print(error.ctx.get_help())  # type: ignore[attr-defined]
    return 0


def _remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _report(text: str, status: int) -> int:
    process.told()
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # nobody is there to read it
        process.drop(sys.stderr)
    return status


def _explain(error: BaseException) -> tuple[str, int]:
    """One line for an error, and the exit status."""
    if isinstance(error, TrainingInterrupted):
        return worded(error), process.INTERRUPTED
    if isinstance(error, KeyboardInterrupt) or process.was_interrupted():
        return "interrupted", process.INTERRUPTED
    if isinstance(error, GlassnetError):
        return f"error: {worded(error)}", 2
    if hasattr(error, "format_message"):  # a wrong option or argument, found by the parser of the command line
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "glassnet"
        return f"error: {one_line(_misuse(error, context))} Try '{command} --help'.", 2
    if isinstance(error, MemoryError):
        return f"error: Not enough memory ({one_line(str(error)) or 'no more'}); use smaller pictures or batches.", 2
    if isinstance(error, OSError):
        return "error: " + one_line(_system_error(error)), 2
    return (
        f"error: {type(error).__name__}: {one_line(str(error))}"
        " (this is a defect of glassnet; GLASSNET_TRACEBACK=1 shows where).",
        2,
    )


def _misuse(error: Any, context: Any) -> str:
    """What the parser says, with our own hint where an option is mistyped: its hints are far-fetched."""
    name = getattr(error, "option_name", None)
    if not hasattr(error, "possibilities") or context is None or not isinstance(name, str):
        return str(error.format_message())
    known = [option for given in context.command.get_params(context) for option in given.opts if option[:2] == "--"]
    return f"There is no option '{name}'.{nearest(name, known)}"


def _system_error(error: OSError) -> str:
    name = f" '{os.fsdecode(error.filename)}'" if isinstance(error.filename, str | bytes) else ""
    return f"{error.strerror or error}{name}."
