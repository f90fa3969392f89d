from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from services.chunker.configured import policy_of, variant_of
from shared.domain.errors import (
    CostLimitError,
    DiskFullError,
    ModelUnavailableError,
    SourceError,
    StoreError,
    UnansweredError,
    UnknownRunError,
    UnreadableAnswerError,
    UsageError,
)
from shared.domain.sources import check_owner
from shared.host.services import opener_of
from shared.log.kafka.client import connection_of
from shared.pipelines import SERVICES
from shared.resilience.faults import Fault, LaneError, PoisonError, TransientError, fault_of
from shared.settings import load_settings

ANA = UUID(int=0xA)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (StoreError("gone"), Fault.LANE),
        (StoreError("starting", sqlstate="57P03"), Fault.LANE),
        (StoreError("password", sqlstate="28P01"), Fault.LANE),
        (StoreError("no function", sqlstate="42883"), Fault.LANE),
        (StoreError("disk full", sqlstate="53100"), Fault.LANE),
        (StoreError("read-only", sqlstate="25006"), Fault.LANE),
        (StoreError("a pooler", sqlstate="26000"), Fault.LANE),
        (StoreError("shut down", sqlstate="57P01"), Fault.LANE),
        (StoreError("statement_timeout", sqlstate="57014"), Fault.UNKNOWN),
        (StoreError("internal", sqlstate="XX000"), Fault.UNKNOWN),
        (StoreError("a damaged block", sqlstate="58030"), Fault.UNKNOWN),
        (StoreError("not foreseen", sqlstate="0A000"), Fault.UNKNOWN),
        (DiskFullError("in the temp folder"), Fault.UNKNOWN),
        (UnansweredError("in 45 s"), Fault.UNKNOWN),
        (UnreadableAnswerError("a damaged row"), Fault.UNKNOWN),
        (StoreError("too large for an index", sqlstate="54000"), Fault.POISON),
        (StoreError("a row twice", sqlstate="21000"), Fault.POISON),
        (StoreError("deadlock", sqlstate="40P01"), Fault.TRANSIENT),
        (StoreError("lock", sqlstate="55P03"), Fault.TRANSIENT),
        (StoreError("NUL", sqlstate="22P05"), Fault.POISON),
        (StoreError("another's", sqlstate="SP002"), Fault.POISON),
        (UnknownRunError("no such run"), Fault.POISON),
        (SourceError("not allowed"), Fault.POISON),
        (ModelUnavailableError("no credit"), Fault.LANE),
        (CostLimitError("enough"), Fault.LANE),
        (UsageError("no Message Batches there"), Fault.LANE),
        (LaneError("topic"), Fault.LANE),
        (PoisonError("bad_json", "not JSON"), Fault.POISON),
        (TransientError("again"), Fault.TRANSIENT),
        (RuntimeError("who knows"), Fault.TRANSIENT),
    ],
)
def test_each_error_is_its_kind_of_fault(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault


@pytest.mark.parametrize(
    "source", ["/exports/a.zip", "exports/a.zip", f"exports/{ANA}/a.zip", "exports/of-march/a.zip"]
)
def test_a_source_of_the_user_or_of_nobody_is_taken(source: str) -> None:
    check_owner(source, ANA)


def test_a_source_in_another_users_folder_is_refused() -> None:
    with pytest.raises(SourceError, match="another user"):
        check_owner(f"exports/{UUID(int=0xB)}/a.zip", ANA)


def test_a_run_is_cut_as_it_was_begun_whatever_the_settings_say_later() -> None:
    begun = variant_of(load_settings(chunk_tokens=777, context_chars=55))
    policy = policy_of(begun, load_settings(chunk_tokens=4000, passage_tokens=999))
    assert (policy.chunk_tokens, policy.context_chars, policy.passage_tokens) == (777, 55, 999)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_app(service: str) -> None:
    assert callable(opener_of(service))


def test_an_unknown_service_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=", ".join(SERVICES)):
        opener_of("doorman")


def test_the_settings_say_how_kafka_is_reached(tmp_path: Path) -> None:
    settings = load_settings(
        kafka_bootstrap_servers="a:1, b:2",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="ana",
        kafka_password="tango",
    )
    connection = connection_of(settings)
    assert connection.servers == ["a:1", "b:2"]
    assert connection.options()["sasl_plain_password"] == "tango"
    assert "tango" not in repr(settings) + repr(connection)


def test_without_an_address_of_kafka_nothing_is_started() -> None:
    with pytest.raises(UsageError, match="KAFKA_BOOTSTRAP_SERVERS"):
        connection_of(load_settings(kafka_bootstrap_servers=None))


def test_folders_and_buckets_are_lists(tmp_path: Path) -> None:
    settings = load_settings(import_roots=f"{tmp_path}:/srv", import_buckets="a, b")
    assert settings.import_roots == (tmp_path, Path("/srv"))
    assert settings.import_buckets == ("a", "b")
