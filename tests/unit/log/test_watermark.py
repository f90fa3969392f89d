from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.log.watermark import Ledger, Ledgers

PARTITIONS = range(3)
OFFSETS = st.lists(st.integers(0, 60), min_size=1, max_size=20, unique=True).map(sorted)


def test_the_watermark_stands_at_the_lowest_unfinished_offset() -> None:
    ledger = Ledger(1)
    assert ledger.watermark is None
    for offset in (3, 7, 8, 20):
        assert ledger.take(offset)
    assert ledger.watermark == 3
    assert not ledger.finish(8)
    assert ledger.watermark == 3
    assert ledger.finish(3)
    assert ledger.watermark == 7
    assert ledger.finish(7)
    assert ledger.watermark == 20
    assert ledger.finish(20)
    assert ledger.watermark == 21
    assert ledger.run_ahead == 0


def test_a_redelivery_in_work_or_done_above_the_watermark_is_known() -> None:
    ledger = Ledger(1)
    assert [ledger.take(o) for o in (5, 6, 7)] == [True] * 3
    ledger.finish(6)
    assert not ledger.take(5)
    assert not ledger.take(6)
    assert ledger.run_ahead == 3


def test_an_offset_below_everything_throws_the_watermark_back() -> None:
    ledger = Ledger(1)
    ledger.take(100)
    ledger.finish(100)
    assert ledger.watermark == 101
    assert ledger.take(50)
    assert ledger.watermark == 50
    assert ledger.take(70)
    ledger.finish(50)
    assert ledger.watermark == 70
    ledger.finish(70)
    assert ledger.watermark == 101


def test_what_finishes_after_the_partition_was_lost_is_dropped() -> None:
    ledgers: Ledgers[int] = Ledgers()
    ledgers.assign([0])
    old = ledgers.get(0)
    assert old is not None
    old.take(9)
    ledgers.assign([])
    assert not old.finish(9)
    ledgers.assign([0])
    new = ledgers.get(0)
    assert new is not None
    assert new is not old
    assert new.epoch > old.epoch
    assert new.watermark is None
    assert ledgers.due([0]) == {}


def test_only_assigned_partitions_with_news_are_due() -> None:
    ledgers: Ledgers[int] = Ledgers()
    ledgers.assign([0, 1, 2])
    for partition in (0, 1):
        ledger = ledgers.get(partition)
        assert ledger is not None
        ledger.take(4)
        ledger.finish(4)
    assert ledgers.due([0, 2, 5]) == {0: 5}
    ledgers.note_committed({0: 5})
    assert ledgers.due([0, 1, 2]) == {1: 5}


def test_after_an_eviction_the_group_is_not_thrown_back() -> None:
    ledgers: Ledgers[int] = Ledgers()
    ledgers.assign([0])
    ledger = ledgers.get(0)
    assert ledger is not None
    for offset in (50, 51, 52):
        ledger.take(offset)
    ledgers.assign([0])
    ledgers.reconcile({0: 200})
    assert not ledger.wants(51)
    assert not ledger.finish(51)
    assert ledger.watermark == 200
    ledger.take(200)
    assert ledger.watermark == 200


def test_a_watermark_that_fell_back_under_an_unanswered_commit_is_committed_again() -> None:
    ledgers: Ledgers[int] = Ledgers()
    ledgers.assign([0])
    ledger = ledgers.get(0)
    assert ledger is not None
    ledger.take(0)
    ledger.finish(0)
    ledgers.note_committed(ledgers.due([0]))
    ledger.take(0)  # delivered again after a rebalance
    fallen = ledgers.due([0])
    assert fallen == {0: 0}
    ledgers.note_unanswered(fallen)
    ledger.finish(0)
    assert ledgers.due([0]) == {0: 1}


def test_what_an_older_commit_undid_is_due_again() -> None:
    ledgers: Ledgers[int] = Ledgers()
    ledgers.assign([0])
    ledger = ledgers.get(0)
    assert ledger is not None
    ledger.take(0)
    ledger.finish(0)
    ledgers.note_committed(ledgers.due([0]))
    assert not ledgers.reconcile({0: 1})
    assert ledgers.due([0]) == {}
    assert not ledgers.reconcile({0: 0})
    assert ledgers.due([0]) == {0: 1}
    assert not ledgers.reconcile({0: None})
    assert ledgers.due([0]) == {0: 1}


class Group(RuleBasedStateMachine):
    """A process under test, the log, and the rest of its group, which takes over what the process loses."""

    @initialize(offsets=st.tuples(OFFSETS, OFFSETS, OFFSETS))
    def begin(self, offsets: tuple[list[int], ...]) -> None:
        self.log = dict(enumerate(offsets))
        self.done: dict[int, set[int]] = {p: set() for p in PARTITIONS}
        self.committed: dict[int, int | None] = dict.fromkeys(PARTITIONS)
        self.given_up: list[dict[int, int]] = []
        self.start()

    def start(self) -> None:
        self.ledgers: Ledgers[int] = Ledgers()
        self.assigned: set[int] = set()
        self.position: dict[int, int] = {}
        self.work: list[tuple[int, int, Ledger]] = []
        self.reconciled = True

    @rule()
    def crash(self) -> None:
        self.start()

    @rule(assigned=st.sets(st.sampled_from(PARTITIONS)))
    def rebalance(self, assigned: set[int]) -> None:
        self.ledgers.assign(assigned)
        self.assigned = assigned
        self.position = {p: self.committed[p] or 0 for p in assigned}
        self.reconciled = False

    @rule(partition=st.sampled_from(PARTITIONS), many=st.integers(1, 5))
    def others_work(self, partition: int, many: int) -> None:
        """While we do not hold the partition, or were evicted without knowing it yet."""
        if partition in self.assigned and self.reconciled:
            return
        todo = [o for o in self.log[partition] if o >= (self.committed[partition] or 0)][:many]
        if todo:
            self.done[partition].update(todo)
            self.committed[partition] = todo[-1] + 1
            if partition in self.assigned:
                self.position[partition] = todo[-1] + 1

    @precondition(lambda self: self.assigned)
    @rule(many=st.integers(1, 6), data=st.data())
    def deliver(self, many: int, data: st.DataObject) -> None:
        partition = data.draw(st.sampled_from(sorted(self.assigned)))
        ledger = self.ledgers.get(partition)
        assert ledger is not None
        for offset in [o for o in self.log[partition] if o >= self.position[partition]][:many]:
            self.position[partition] = offset + 1
            if ledger.take(offset):
                self.work.append((partition, offset, ledger))

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        partition, offset, ledger = self.work.pop(data.draw(st.integers(0, len(self.work) - 1)))
        self.done[partition].add(offset)
        ledger.finish(offset)

    @rule(arrives=st.booleans(), answered=st.booleans())
    def commit(self, arrives: bool, answered: bool) -> None:
        if not self.reconciled:
            self.ledgers.reconcile({p: self.committed[p] for p in self.assigned})
            self.reconciled = True
        due = self.ledgers.due(self.assigned)
        if arrives:
            self.committed.update(due)
        if arrives and answered:
            self.ledgers.note_committed(due)
        else:
            self.given_up.append(due)
            self.ledgers.note_unanswered(due)

    @precondition(lambda self: self.given_up)
    @rule(data=st.data())
    def an_old_commit_arrives(self, data: st.DataObject) -> None:
        self.committed.update(self.given_up.pop(data.draw(st.integers(0, len(self.given_up) - 1))))

    @rule()
    def look(self) -> None:
        """From then on the log has what is done, or will."""
        self.reconciled = False
        self.commit(arrives=True, answered=True)
        for partition in self.assigned:
            ledger = self.ledgers.get(partition)
            assert ledger is not None
            assert ledger.watermark in (None, self.committed[partition])

    @invariant()
    def the_committed_watermark_never_passes_an_unfinished_record(self) -> None:
        for partition, committed in getattr(self, "committed", {}).items():
            undone = set(self.log[partition]) - self.done[partition]
            assert committed is None or not undone or committed <= min(undone)

    def teardown(self) -> None:
        if not hasattr(self, "log"):
            return
        self.rebalance(set(PARTITIONS))
        self.commit(True, True)
        for partition in PARTITIONS:
            ledger = self.ledgers.get(partition)
            assert ledger is not None
            for offset in [o for o in self.log[partition] if o >= self.position[partition]]:
                if ledger.take(offset):
                    self.work.append((partition, offset, ledger))
        for partition, offset, ledger in self.work:
            self.done[partition].add(offset)
            ledger.finish(offset)
        self.commit(True, True)
        for partition in PARTITIONS:
            assert set(self.log[partition]) == self.done[partition]
            assert self.committed[partition] == self.log[partition][-1] + 1


TestGroup = Group.TestCase
TestGroup.settings = settings(max_examples=150, stateful_step_count=40)
