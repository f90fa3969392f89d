"""The store that the settings name, opened."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import pytest
from pydantic import SecretStr

from shared.domain.errors import StoreError
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from shared.store.store import open_store
from tests.support.databases import dsn_of
from tests.support.records import ANNA, BORIS


def settings_of(dsn: str) -> Settings:
    return load_settings(store="direct", database_url=SecretStr(dsn))


async def test_an_address_is_migrated_and_opened(empty_database: str) -> None:
    async with opened_store(settings_of(empty_database)) as store:
        await store.name_user(ANNA, "Anna")
        versions = await store.schema_version()
    async with opened_store(settings_of(empty_database), waiting=lambda _: None) as store:
        assert await store.read_user_names([ANNA, BORIS]) == {ANNA: "Anna"}
        assert await store.schema_version() == versions


@pytest.mark.slow
async def test_without_an_address_the_store_is_the_homes_own() -> None:
    with TemporaryDirectory(prefix="soulprint-home-") as home:  # a second pytest closes its own folder to it
        settings = load_settings(store="embedded", home=home)
        async with opened_store(settings) as store, store.lock_user(ANNA):
            assert await store.read_profile(ANNA) is None


async def test_a_database_that_is_not_there_is_not_waited_for(postgres: str) -> None:
    dsn = dsn_of(postgres, "nonesuch")
    with pytest.raises(StoreError) as told:
        async with opened_store(settings_of(dsn), waiting=lambda _: pytest.fail("it will not come")):
            pytest.fail("there is none")
    assert told.value.sqlstate == "3D000"
    for address in (dsn, f"{dsn}&pgbouncer=true"):
        with pytest.raises(StoreError, match="the database does not exist") as told:
            async with open_store(address):
                pytest.fail("there is none")
        assert told.value.sqlstate == "3D000"
