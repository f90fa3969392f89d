"""The visible path of a ChatGPT conversation (export-formats: "The visible path")."""

from __future__ import annotations

from typing import Any

from shared.exports.formats.times import parse_time

Mapping = dict[str, Any]
Node = dict[str, Any]


def visible_path(mapping: Mapping, current: object) -> list[tuple[str, Node]]:
    """(node id, node) from the root to the leaf the person last saw; never sorted by time where nodes link.

    Parents come from `parent`, where that is missing or dangling from the other nodes' `children`. The
    leaf is `current_node`, else the leaf with the latest time; where nothing links, all nodes by time, then
    file order. Cycles end the walk at the first node met twice.
    """
    adopted: dict[str, str] | None = None
    if type(current) is not str or type(mapping.get(current)) is not dict:
        adopted = _parents_by_children(mapping)
        leaf = _latest_leaf(mapping, adopted)
        if leaf is None:
            return []
        current = leaf
    path: list[tuple[str, Node]] = []
    seen = set()
    at: str | None = current
    while at is not None and at not in seen:
        node: Node = mapping[at]
        seen.add(at)
        path.append((at, node))
        parent = node.get("parent")
        if type(parent) is str and type(mapping.get(parent)) is dict:
            at = parent
        elif len(path) == len(mapping):
            break
        else:
            if adopted is None:
                adopted = _parents_by_children(mapping)
            at = adopted.get(at)
    if len(path) == 1 and len(mapping) > 1 and not _links(mapping, adopted):
        return _by_time(mapping)
    path.reverse()
    return path


def parents_of(mapping: Mapping) -> dict[str, str]:
    """The parent that each node names, in the file or not; where it names none, the node that names it."""
    parents = _parents_by_children(mapping)
    for at, node in mapping.items():
        parent = node.get("parent") if type(node) is dict else None
        if type(parent) is str and parent and (at not in parents or type(mapping.get(parent)) is dict):
            parents[at] = parent
    return parents


def _parents_by_children(mapping: Mapping) -> dict[str, str]:
    """Parent of each node that another node names as its child; the first to name it wins."""
    parents: dict[str, str] = {}
    for at, node in mapping.items():
        children = node.get("children") if type(node) is dict else None
        if type(children) is list:
            for child in children:
                if type(child) is str and child != at:
                    parents.setdefault(child, at)
    return parents


def _parent_of(at: str, node: Node, mapping: Mapping, adopted: dict[str, str]) -> str | None:
    parent = node.get("parent")
    if type(parent) is str and type(mapping.get(parent)) is dict:
        return parent
    return adopted.get(at)


def _latest_leaf(mapping: Mapping, adopted: dict[str, str]) -> str | None:
    """The leaf with the latest time, the last in the file among equals; of a pure cycle, any node."""
    nodes = {at: node for at, node in mapping.items() if type(node) is dict}
    inner = {_parent_of(at, node, mapping, adopted) for at, node in nodes.items()}
    leaves = [at for at in nodes if at not in inner] or list(nodes)
    latest, latest_time = None, float("-inf")
    for at in leaves:
        time = _time_of(nodes[at])
        if time is None:
            time = float("-inf")
        if time >= latest_time:
            latest, latest_time = at, time
    return latest


def _links(mapping: Mapping, adopted: dict[str, str] | None) -> bool:
    """Whether any two nodes of `mapping` are parent and child."""
    if adopted and any(type(mapping.get(child)) is dict for child in adopted):
        return True
    for at, node in mapping.items():
        parent = node.get("parent") if type(node) is dict else None
        if type(parent) is str and parent != at and type(mapping.get(parent)) is dict:
            return True
    return False


def _by_time(mapping: Mapping) -> list[tuple[str, Node]]:
    """All nodes by time, those without one last, equals in file order."""
    nodes = [(at, node) for at, node in mapping.items() if type(node) is dict]
    nodes.sort(key=lambda item: _sort_key(_time_of(item[1])))
    return nodes


def _sort_key(time: float | None) -> tuple[bool, float]:
    return (time is None, time or 0.0)


def _time_of(node: Node) -> float | None:
    message = node.get("message")
    return parse_time(message.get("create_time")) if type(message) is dict else None
