"""An export as one stream of conversations: a file, an archive, archives in archives, or a folder."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from zipfile import BadZipFile

from shared.domain.errors import BrokenExportError, UnreadableExportError
from shared.exports.containers.archive import bomb
from shared.exports.containers.files import walk
from shared.exports.containers.guard import Budget, GuardedStream, reason_of
from shared.exports.containers.members import Break, Findings, Member
from shared.exports.containers.names import named, natural_key, sibling_key
from shared.exports.conversation import (
    LARGE_AHEAD,
    Account,
    Conversation,
    LeftOut,
    Parsed,
    ReadLimits,
    Rejected,
)
from shared.exports.formats.accounts import account_beside
from shared.exports.formats.base import Format, Head
from shared.exports.formats.fields import objects_of
from shared.exports.formats.head import read_head
from shared.exports.formats.registry import FORMATS, detect

__all__ = ["Break", "Export", "open_export", "open_exports"]

_OPENING_FAILURES = (OSError, EOFError, BadZipFile, zlib.error, struct.error, RuntimeError, ValueError)
_EMPTY_LISTS = ("[]", '{"conversations":[]}')
_MOST_NAMED = 3


def open_export(path: Path, limits: ReadLimits, budget: Budget | None = None) -> Export:
    """The export at `path`, its formats detected by shape. Close it, or use it in a `with` statement.

    Nothing is unpacked to disk but archives that lie in archives, to a temporary file without a name. What is
    read, now and later, is counted in `budget`. Raises UnreadableExportError, which says what is wrong with
    which file and what to do.
    """
    with ExitStack() as opened:
        findings = Findings(limits, opened, budget or Budget(limits))
        walk(path, findings)
        chosen, empty, accounts = _recognised(findings)
        if not chosen and not empty:
            raise _not_an_export(path, findings)
        for member, _ in chosen:
            if member.expansion > limits.ratio:
                raise UnreadableExportError(f"{member.name}: {bomb(member.expansion, limits.ratio)}")
        total = sum(member.size for member, _ in chosen)
        if total > limits.total_bytes:
            raise _too_large(f"{named(path)} holds", total, limits)
        export = Export(chosen, empty, list(findings.refused), limits, findings.budget, opened.pop_all())
        export._owners = {id(member): _owner(member, known, accounts) for member, known in chosen}
        return export


def open_exports(paths: Sequence[Path], limits: ReadLimits) -> Export:
    """The exports at several paths as one, whatever their order. What is named twice, or is there under two
    names, counts once. The largest is read first: it is likely the newest, and what it has newer is not read
    twice. Raises as open_export does.
    """
    with ExitStack() as opened:
        found: dict[str, Export] = {}
        budget = Budget(limits)
        for path in paths:
            if len(paths) == 1:
                return open_export(path, limits)
            export = opened.enter_context(open_export(path, limits, budget))
            found.setdefault(export.fingerprint, export)
        ordered = sorted(found.values(), key=lambda export: (-export.bytes_total, export.fingerprint))
        total = sum(export.bytes_total for export in ordered)
        if total > limits.total_bytes:
            raise _too_large(f"{len(ordered)} files hold", total, limits)
        return Export.of(ordered, limits, budget, opened.pop_all())


class Export:
    """An opened export. Read it once.

    `format_names` are the formats found, sorted; `bytes_total` and
    `bytes_read` are in one unit, for progress; `breaks` is whole after the last conversation.
    """

    def __init__(
        self,
        members: list[tuple[Member, Format]],
        empty: list[Member],
        breaks: list[Break],
        limits: ReadLimits,
        budget: Budget,
        opened: ExitStack,
    ) -> None:
        self._owners: dict[int, Account] = {}
        """Whose each member is, by its identity: files of several exports may have one name."""
        self._identified = [member for member, _ in members] or empty
        self.format_names = tuple(sorted({known.name for _, known in members}))
        self.bytes_total = sum(member.size for member, _ in members)
        self.breaks = breaks
        self._members = members
        self._limits = limits
        self._budget = budget
        self._opened = opened
        self._finished_bytes = 0
        self._current: GuardedStream | None = None

    @classmethod
    def of(cls, exports: Sequence[Export], limits: ReadLimits, budget: Budget, opened: ExitStack) -> Export:
        """One export of several, in this order. It takes them over; `opened` closes them."""
        joined = cls([], [], [], limits, budget, opened)
        for each in exports:
            joined._identified = joined._identified + each._identified
            joined._members = joined._members + each._members
            joined._owners.update(each._owners)
            joined.breaks += each.breaks
            joined.bytes_total += each.bytes_total
        joined.format_names = tuple(sorted({known.name for _, known in joined._members}))
        return joined

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the members' identities; of a single file, of its content alone. To be asked for
        before the conversations are read: it reads the file."""
        identities = sorted(member.identity() for member in self._identified)
        return hashlib.sha256("\n".join(identities).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def bytes_read(self) -> int:
        """How much of `bytes_total` was read."""
        current = self._current  # another thread may be reading, and end it
        return self._finished_bytes + (current.progress() if current is not None else 0)

    def conversations(self) -> Iterator[Parsed]:
        """Every conversation of every member, members in natural order of their names.

        A member that breaks gives what came before the break, adds to `breaks`, and the next one is read.
        """
        left = self._limits.conversations
        for member, known in self._members:
            try:
                stream = member.guarded(self._budget, self._limits)
            except _OPENING_FAILURES as error:
                self.breaks.append(Break(member.name, "byte 0", reason_of(error)))
                continue
            with stream:
                self._current = stream
                for parsed in self._read(stream, member, known):
                    left -= isinstance(parsed, Conversation | Rejected | LeftOut)
                    if left < 0:
                        self._end_early(stream, member)
                        return
                    yield parsed
            self._current = None
            self._finished_bytes += member.size

    def _read(self, stream: GuardedStream, member: Member, known: Format) -> Iterator[Parsed]:
        try:
            nothing = True
            for parsed in known.read(stream.as_binary(), member.name, self._limits):
                nothing = nothing and parsed is LARGE_AHEAD
                if isinstance(parsed, Conversation | Rejected | LeftOut):
                    self._own(parsed, member)
                yield parsed
            if nothing and not member.is_empty:
                reason = f"it looks like {known.name}, but no conversation was found in it"
                self.breaks.append(Break(member.name, "its whole length", reason))
        except BrokenExportError as error:
            self.breaks.append(Break(error.member, error.place, error.reason))
        except Exception as error:  # a stranger's data: anything may be wrong with it
            reason = f"its structure is not understood ({type(error).__name__})"
            self.breaks.append(Break(member.name, f"byte {stream.progress()}", reason))

    def _end_early(self, stream: GuardedStream, member: Member) -> None:
        reason = (
            f"an export may hold {self._limits.conversations} conversations; the rest was not read "
            "(raise SOULPRINT_MAX_CONVERSATIONS)"
        )
        self.breaks.append(Break(member.name, f"byte {stream.progress()}", reason))

    def _own(self, parsed: Conversation | Rejected | LeftOut, member: Member) -> None:
        """Say whose it is. What does not say it itself is of whom the conversation before it was."""
        if parsed.account is None:
            parsed.account = self._owners[id(member)]
        else:
            self._owners[id(member)] = parsed.account

    def account_at(self, file: str) -> Account | None:
        """Whose a file is that reports name, as far as it was read, else what lies in the same container."""
        owners = [(member.name, self._owners[id(member)]) for member, _ in self._members]
        own = (owner for name, owner in owners if name == file)
        container = file.partition("/")[0]
        beside = (owner for name, owner in owners if name.partition("/")[0] == container)
        return next(own, None) or next(beside, None)

    def close(self) -> None:
        """Close archives and remove temporary files. Safe to call twice."""
        self._opened.close()

    def __enter__(self) -> Export:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _owner(member: Member, known: Format, accounts: Mapping[str, Account]) -> Account:
    """Whose a member is: the account told beside it, else the only one that is told of its vendor."""
    folder = member.name.rpartition("/")[0]
    own = {each for each in accounts.values() if each.vendor == known.name}
    beside = {
        each for name, each in accounts.items() if each in own and name.rpartition("/")[0] == folder
    } or own
    return beside.pop() if len(beside) == 1 else Account(known.name)


def _recognised(
    findings: Findings,
) -> tuple[list[tuple[Member, Format]], list[Member], dict[str, Account]]:
    """The members of a known format, in natural order, those that are an empty list of conversations, and the
    accounts that others tell of, by their names.

    Others are ignored, but one named like a recognised shard is noted: its beginning may be damaged.
    """
    chosen: list[tuple[Member, Format]] = []
    empty: list[Member] = []
    others: list[Member] = []
    accounts: dict[str, Account] = {}
    findings.members.sort(key=lambda member: natural_key(member.name))
    for member in findings.members:
        try:
            with member.guarded(findings.budget, findings.limits, look=True) as stream:
                head = read_head(stream.as_binary())
                over = stream.failure if stream.is_over else None
        except _OPENING_FAILURES as error:
            findings.refuse(member.name, reason_of(error), "byte 0")
            continue
        findings.require_looks(member.name)
        known = detect(head)
        if known is None and (account := account_beside(head)) is not None:
            accounts[member.name] = account
        if known is not None:
            chosen.append((replace(member, is_empty=_holds_none(head)), known))
        elif "".join(head.text.split()) in _EMPTY_LISTS:
            empty.append(member)
        elif over is not None:
            findings.refuse(member.name, over.reason, over.place)
        else:
            others.append(member)
    shards = {sibling_key(member.name) for member, _ in chosen}
    for member in others:
        if sibling_key(member.name) in shards:
            findings.refuse(
                member.name, "it is named like a shard but begins otherwise: is it damaged?", "byte 0"
            )
    named_so = [member for member in empty if len(findings.members) == 1 or "conversation" in member.name]
    return chosen, named_so, accounts


def _holds_none(head: Head) -> bool:
    """Whether the list of conversations that a member begins with is empty."""
    return any(
        item.get(key) == [] for item in objects_of(head.objects) for key in ("conversations", "history")
    )


def _too_large(what: str, total: int, limits: ReadLimits) -> UnreadableExportError:
    return UnreadableExportError(
        f"{what} {total} bytes of conversations; the cap is {limits.total_bytes} "
        "(raise SOULPRINT_MAX_EXPORT_BYTES)"
    )


def _not_an_export(path: Path, findings: Findings) -> UnreadableExportError:
    """Why nothing in `path` can be read: what was refused tells more than what was not recognised."""
    if findings.refused:
        first = findings.refused[0]
        more = f" (and {len(findings.refused) - 1} more)" if len(findings.refused) > 1 else ""
        return UnreadableExportError(f"{named(path)} cannot be read: {first.file}: {first.reason}{more}")
    for member in findings.members:
        if member.expansion > findings.limits.ratio:
            return UnreadableExportError(f"{member.name}: {bomb(member.expansion, findings.limits.ratio)}")
    known = ", ".join(dict.fromkeys(each.name for each in FORMATS))
    return UnreadableExportError(
        f"{named(path)} is not a chat export that SoulPrint reads: {_found(findings)}. It reads {known}: "
        "give the .zip as the vendor sent it, or the file with the conversations"
    )


def _found(findings: Findings) -> str:
    """What lies in what was given, for somebody who wonders why it is none."""
    members = findings.members
    if not members:
        return "there is no JSON, HTML or CSV file in it"
    names = ", ".join(member.name for member in members[:_MOST_NAMED])
    if len(members) == 1:
        return f"the one file that could hold conversations ({names}) is of no format it knows"
    more = f" and {len(members) - _MOST_NAMED} more" if len(members) > _MOST_NAMED else ""
    return f"none of {len(members)} files that could hold conversations ({names}{more}) is of a known format"
