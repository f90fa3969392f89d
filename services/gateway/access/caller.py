"""Who calls, and what they may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.gateway.access.refusals import not_theirs


@dataclass(frozen=True, slots=True)
class Caller:
    """A person (`user_id`), a service that acts for every person, or whoever holds a ticket for the events of
    one import (`import_id`)."""

    user_id: UUID | None = None
    service: bool = False
    import_id: UUID | None = None

    def may(self, user_id: UUID, import_id: UUID | None = None) -> bool:
        """Whether what is this person's may be asked for. `import_id`: it is of this import, so that its
        ticket lets in, too."""
        if self.service or (self.user_id is not None and self.user_id == user_id):
            return True
        return import_id is not None and self.import_id == import_id

    def require(self, user_id: UUID) -> None:
        """Raises Problem (403) unless what is this person's may be asked for."""
        if not self.may(user_id):
            raise not_theirs()

    def require_service(self) -> None:
        """Raises Problem (403) for a person: what is asked for is not one person's."""
        if not self.service:
            raise not_theirs("this is for services, not for a person's token")


SERVICE = Caller(service=True)
