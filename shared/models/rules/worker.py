"""A process that extracts: frames of messages on standard input, frames of facts on standard output, in
order.

    python -m shared.models.rules.worker

It ends when its input does, so it never outlives the process that started it, not even one that was killed.
Signals are the parent's to handle: it is started in a session of its own. It imports the rules and nothing
else, which keeps it small.
"""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

from shared.models.rules.frames import HEADER_BYTES, READY, body_length, frame, value_of
from shared.models.rules.reading import read_messages
from shared.models.rules.said import Said, Told


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Say that it is ready, then answer every request until the input ends.

    A request is a list of `Said`, an answer (facts, unread, counts of `Told`, error).
    """
    answers.write(frame(READY))
    answers.flush()
    while (header := _read(requests, HEADER_BYTES)) is not None:
        body = _read(requests, body_length(header))
        if body is None:
            return
        answers.write(frame(answer(value_of(body))))
        answers.flush()


def answer(messages: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[str], tuple[int, int], str]:
    """(facts, unread, counts, ""), or nothing and the class of the error that extraction ran into."""
    told = Told()
    try:
        found, unread = read_messages([Said._make(message) for message in messages], told)
    except Exception as error:  # whatever it is, it concerns this chunk alone and is the parent's to report
        return [], [], (0, 0), type(error).__name__
    return [tuple(fact) for fact in found], unread, (told.about, told.with_fact), ""


def _read(stream: BinaryIO, size: int) -> bytes | None:
    data = stream.read(size)
    return data if len(data) == size else None


def main() -> None:
    """Serve the parent process until it closes the pipe or is gone."""
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
