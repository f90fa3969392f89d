"""What Python itself writes of exceptions and warnings that nobody took: it would write their words, beside
every log."""

from __future__ import annotations

import sys
import threading
import warnings
from types import TracebackType
from typing import Any

import structlog

from shared.domain.told import shown_path

log = structlog.get_logger("python")


def take_hooks() -> None:
    """Have them written as lines of the log. A hook that somebody else has set, such as a test's, stays."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _broke
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _unraisable
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_broke
    if warnings.showwarning.__module__ == "warnings":
        warnings.showwarning = _warned


def _broke(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the process broke", exc_info=error.with_traceback(traceback))


def _unraisable(found: Any) -> None:  # sys.UnraisableHookArgs, which is no class at run time
    log.error("an exception was met where nobody could take it", exc_info=found.exc_value)


def _thread_broke(args: Any) -> None:
    if not issubclass(args.exc_type, SystemExit):
        log.error("a thread broke", exc_info=args.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    log.warning("a warning of Python", kind=category.__name__, at=f"{shown_path(filename)}:{lineno}")
