from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging
import structlog
from shared.logs import configure_logs
configure_logs("info", limited=True)
log = structlog.get_logger("x")
log.error("revoke failed", stage="extractor", error="KafkaError")
for _ in range(20):
    log.warning("attempt failed", stage="extractor", attempt=2)
try:
    raise ValueError("a stranger's words")
except ValueError:
    logging.getLogger("library").error("it broke", exc_info=True)
    log.exception("our own broke")
log.info("lane paused")
"""


def test_every_line_is_json_an_error_is_whole_and_a_flood_is_cut() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    revoked, *attempts, broke, own, paused = lines  # the flood may go on in the clock's next second
    assert revoked.items() >= {"user_id": None, "step": "extractor", "error": "KafkaError"}.items()
    assert broke.items() >= {"level": "error", "user_id": None, "error": "ValueError"}.items()
    assert (own["level"], own["error"]) == ("error", "ValueError")
    assert own["through"] == ["<string>:11 <module>"]
    assert 1 <= len(attempts) < 20
    withheld = [line["withheld"]["attempt failed"] for line in (*attempts, own, paused) if "withheld" in line]
    assert sum(withheld) == 20 - len(attempts)
    assert "stranger" not in done.stderr
