"""A stand-in of the service that SoulPrint takes over from, over real HTTP, by what is known of its routes.

async with predecessor() as old:
    old.state.on_import = writing_profiles(dsn)
    ...                          # V1_BACKEND_URL is old.url
    assert old.state.counts["POST /import-full"] == 1

python -m tests.support.predecessor PORT    # in a process of its own
"""

from tests.support.predecessor.faults import Fault
from tests.support.predecessor.importing import writing_profiles
from tests.support.predecessor.server import Predecessor, predecessor
from tests.support.predecessor.state import Call, State

__all__ = ["Call", "Fault", "Predecessor", "State", "predecessor", "writing_profiles"]
