"""Which faults the services' own errors are: see shared.log.faults for what follows from each."""

from __future__ import annotations

from shared.domain.errors import (
    CostLimitError,
    ModelUnavailableError,
    SourceError,
    StoreError,
    UnknownRunError,
    UsageError,
)
from shared.log.faults import Classifier, Fault

_DOWN = frozenset({"08", "28", "3D", "3F", "42", "53", "57", "58", "XX"})
"""Classes of SQLSTATE in which the database, not the record, is at fault."""
_COLLIDED = frozenset({"40", "55"})


class ServiceClassifier(Classifier):
    """Knows the database's and the models' errors."""

    def __init__(self) -> None:
        super().__init__()
        self.register(Fault.LANE, ModelUnavailableError, CostLimitError, UsageError)
        self.register(Fault.POISON, SourceError, UnknownRunError)

    def classify(self, error: BaseException) -> Fault:
        """As registered; a StoreError by its SQLSTATE: database down, collision, or bad data."""
        if not isinstance(error, StoreError) or isinstance(error, SourceError | UnknownRunError):
            return super().classify(error)
        if error.sqlstate is None or error.sqlstate[:2] in _DOWN:
            return Fault.LANE
        return Fault.TRANSIENT if error.sqlstate[:2] in _COLLIDED else Fault.POISON
