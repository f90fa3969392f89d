"""The visible path through messages that name their parents: one leaf, and the way from it to its root."""

from __future__ import annotations

from collections.abc import Sequence

_NEVER = float("-inf")


def visible_path(
    ids: Sequence[str],
    parents: Sequence[str],
    times: Sequence[float | None],
    leaf: str = "",
    unlinked_follow: bool = False,
) -> Sequence[int]:
    """Positions of the visible messages, in path order; never sorted by time.

    `ids`, `parents` and `times` are the messages' own, in file order; "" is an id or a parent that the file
    does not give. A parent that is no message of the file ends the path like a root: what may lie before it
    cannot be told from an abandoned branch. The path leads to `leaf` if that is a message of the file, else
    to the latest message that nobody answers (the later in the file among equals). Where no message names
    a parent and no leaf is known, the file order is the path.

    `unlinked_follow`: messages without a parent follow one another instead of each being a root. For vendors
    that mark roots explicitly, so that a missing parent means a message from before links were exported.
    """
    position_of = {message_id: i for i, message_id in enumerate(ids) if message_id}
    end = position_of.get(leaf, -1)
    if end < 0 and not any(parents):
        return range(len(ids))
    links = _links(parents, position_of, unlinked_follow)
    if end < 0:
        end = _latest_leaf(links, times)
    return _walk_up(links, end)


def stranded(
    ids: Sequence[str], parents: Sequence[str], path: Sequence[int], unlinked_follow: bool = False
) -> list[int]:
    """Positions of the messages that are not on `path`, and that no edit and no regeneration explains.

    An abandoned branch leaves the path at one of its messages, or begins where the path begins: its root
    names the same parent as the path's root, mostly none. Any other root names a message that the file lacks.
    """
    if len(path) == len(ids):
        return []
    links = _links(
        parents, {message_id: i for i, message_id in enumerate(ids) if message_id}, unlinked_follow
    )
    explained: list[bool | None] = [None] * len(ids)
    for i in path:
        explained[i] = True
    beginning = parents[path[0]] if path else ""
    for i in range(len(ids)):
        walk = []
        at = i
        while at >= 0 and explained[at] is None:
            explained[at] = False  # until the walk ends: what comes back to it is a cycle
            walk.append(at)
            at = links[at]
        answer = explained[at] if at >= 0 else parents[walk[-1]] == beginning
        for member in walk:
            explained[member] = answer
    return [i for i, known in enumerate(explained) if not known]


def _links(parents: Sequence[str], position_of: dict[str, int], unlinked_follow: bool) -> list[int]:
    links = []
    previous_unlinked = -1
    for i, parent in enumerate(parents):
        if parent:
            link = position_of.get(parent, -1)
        else:
            link = previous_unlinked
            previous_unlinked = i if unlinked_follow else -1
        links.append(link if link != i else -1)
    return links


def _latest_leaf(links: list[int], times: Sequence[float | None]) -> int:
    answered = bytearray(len(links))
    for link in links:
        if link >= 0:
            answered[link] = 1
    best, best_time = -1, _NEVER
    everyone_answered = all(answered)  # a bare cycle: any of its messages will do
    for i, time in enumerate(times):
        when = _NEVER if time is None else time
        if when >= best_time and (everyone_answered or not answered[i]):
            best, best_time = i, when
    return best


def _walk_up(links: list[int], end: int) -> list[int]:
    visited = bytearray(len(links))
    path = []
    while end >= 0 and not visited[end]:
        visited[end] = 1
        path.append(end)
        end = links[end]
    path.reverse()
    return path
