"""The one door to the log: JSON lines with ids, sizes and hashes, never a person's text nor a key."""

from shared.logs.setup import configure_logs, leave_logs_to_the_program
from shared.logs.withholding import Withholding

__all__ = ["Withholding", "configure_logs", "leave_logs_to_the_program"]
