from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

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
BY_EVERY_WAY = """
import asyncio, gc, logging, threading, warnings
from uuid import UUID
import structlog
from pydantic import BaseModel, TypeAdapter
from shared.domain.errors import StoreError
from shared.logs import configure_logs

MARK = "Nora MARKED"
configure_logs("debug")
log = structlog.get_logger("x")
library = logging.getLogger("library")
kafka = logging.getLogger("aiokafka.conn")

class Row(BaseModel):
    number: int

class Loud:
    def __repr__(self):
        return MARK

def broken():
    return TypeAdapter(list[Row]).validate_python([{"number": MARK}])

def caught():
    try:
        broken()
    except Exception as error:
        return error

error = caught()
several = [error, {"x": Loud()}]
log.warning("values", one=error, many=several, loud=Loud(), whose=UUID(int=1), model=Row(number=1))
log.error("with it", exc_info=error)
try:
    broken()
except Exception:
    log.exception("raised")
    library.exception("its words %s and number %d", MARK, 7)
    library.error(f"put together: {MARK}")
    library.error("wrong %d", MARK)
    library.error("by name %(name)s %(count)d", {"name": MARK, "count": 3})
    library.error(Loud())
    library.error("loud %r", Loud())
kafka.warning("node %s: %s", 1, error)
kafka.warning("topic %s of %r: %s", "chunks.ready.v2", {("a", 1)}, MARK)
try:
    raise StoreError("ours is told") from error
except StoreError:
    log.exception("ours")

async def main():
    async def task():
        broken()
    running = asyncio.create_task(task())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del running
    gc.collect()
    asyncio.get_running_loop().call_soon(lambda _: broken(), MARK)
    await asyncio.sleep(0)
    never = asyncio.get_running_loop().create_future()
    never.set_exception(ValueError(MARK))
    del never
    gc.collect()
asyncio.run(main())

thread = threading.Thread(target=broken)
thread.start()
thread.join()

class Finalised:
    def __del__(self):
        broken()
Finalised()
warnings.warn(MARK)
try:
    raise ExceptionGroup(MARK, [error])
except ExceptionGroup:
    log.exception("a group")
raise error
"""


def _run(script: str, *, code: int = 0) -> tuple[str, list[dict[str, Any]]]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    return done.stderr, [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_json_an_error_is_whole_and_a_flood_is_cut() -> None:
    written, lines = _run(SCRIPT)
    revoked, *attempts, broke, own, paused = lines  # the flood may go on in the clock's next second
    assert revoked.items() >= {"user_id": None, "step": "extractor", "error": "KafkaError"}.items()
    assert broke.items() >= {"level": "error", "user_id": None, "error": "ValueError"}.items()
    assert (own["level"], own["error"]) == ("error", "ValueError")
    assert own["through"] == ["<string>:11 <module>"]
    assert 1 <= len(attempts) < 20
    withheld = [line["withheld"]["attempt failed"] for line in (*attempts, own, paused) if "withheld" in line]
    assert sum(withheld) == 20 - len(attempts)
    assert "stranger" not in written


def test_no_way_to_the_log_tells_what_an_exception_or_a_library_says() -> None:
    written, lines = _run(BY_EVERY_WAY, code=1)
    assert "MARKED" not in written
    by_event = {line["event"]: line for line in lines}
    values = by_event["values"]
    assert values["one"].startswith("ValidationError at ")
    assert values["many"] == [values["one"], {"x": "<Loud>"}]
    assert (values["loud"], values["model"]) == ("<Loud>", "<Row>")
    assert values["whose"] == "00000000-0000-0000-0000-000000000001"
    for event in (
        "with it",
        "raised",
        "its words <str> and number 7",
        "Task exception was never retrieved",
        "Exception in callback",
        "a thread broke",
        "an exception was met where nobody could take it",
        "the process broke",
    ):
        line = by_event[event]
        assert (line["level"] in ("error", "critical"), line["error"]) == (True, "ValidationError"), event
        assert any(" broken" in place for place in line["through"]), event
    assert by_event["by name <str> 3"]["at"].startswith("<string>:")
    assert by_event["loud <Loud>"]["logger"] == "library"
    assert by_event["wrong %d"]["level"] == "error"
    assert sum(line["event"] == "(words withheld)" for line in lines) == 2
    assert any(event.startswith("node 1: ValidationError at ") for event in by_event)
    assert "topic chunks.ready.v2 of ((a, 1)): <str>" in by_event
    assert by_event["ours"]["error"] == "ours is told"
    assert by_event["Future exception was never retrieved"]["error"] == "ValueError"
    assert by_event["a warning of Python"]["kind"] == "UserWarning"
    assert by_event["a group"]["error"] == "ExceptionGroup"


def test_in_a_program_of_somebody_elses_our_lines_say_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BY_EVERY_WAY.split("async def main")[0].replace(
            'configure_logs("debug")',
            "from shared.logs import leave_logs_to_the_program as ours; ours(); logging.disable()",
        )],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "MARKED" not in done.stderr
    assert "ValidationError" in done.stderr
    assert "ours is told" in done.stderr
