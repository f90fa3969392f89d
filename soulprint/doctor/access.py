"""Who may do what: that the services may, and nobody else."""

from __future__ import annotations

from shared.domain.errors import StoreError
from shared.postgres.inspection import own_names
from shared.store.access import AccessRow, LoginRow, OpenRow
from shared.store.store import Store
from soulprint.doctor.check import Check, named

_SERVICE = "soulprint_service"


async def check_access(store: Store, *, login: bool) -> list[Check]:
    """What of ours is open to whom. `login`: the services log in to the database themselves."""
    own = own_names()
    try:
        access = await store.read_access(own.tables, own.functions, own.called)
    except StoreError as error:
        return [Check("roles", False, "not to be seen", str(error))]
    return [_roles(access, access.login if login else None), _exposure(access)]


def _roles(access: AccessRow, login: LoginRow | None) -> Check:
    if access.unready:
        return Check(
            "roles",
            False,
            f"services cannot call, or would act with their own rights in: {named(access.unready)}",
            f"as who owns the schema: ALTER FUNCTION public.{access.unready[0]}(jsonb) SECURITY DEFINER; "
            f"GRANT EXECUTE ON FUNCTION public.{access.unready[0]}(jsonb) TO {_SERVICE}; and so each of them",
        )
    if access.superusers:
        return Check(
            "roles",
            False,
            f"functions act as a superuser: {named(access.superusers)}",
            f"as a superuser: ALTER FUNCTION public.{access.superusers[0]}(jsonb) OWNER TO soulprint_owner; "
            "and so each of them",
        )
    if more := [row for row in access.opened if row.role == _SERVICE]:
        return Check(
            "roles", False, f"services may more than call functions: {_told(more)}", _taken_back(more)
        )
    if login is None:
        return Check("roles", True, "the service key calls functions as service_role")
    if login.superuser or login.reads:
        what = "is a superuser" if login.superuser else "may read tables by itself"
        return Check(
            "roles",
            True,
            f"calls are made as {_SERVICE}, but the login {login.name} {what}",
            f"give the services a login that may call functions and nothing else: CREATE ROLE name LOGIN "
            f"PASSWORD '...' IN ROLE {_SERVICE}; and put it into DATABASE_URL. Migrate as {login.name}",
        )
    return Check("roles", True, f"the login {login.name} may call functions and nothing else")


def _exposure(access: AccessRow) -> Check:
    if exposed := [row for row in access.opened if row.role != _SERVICE]:
        return Check(
            "exposure", False, f"open to whom it must not be: {_told(exposed)}", _taken_back(exposed)
        )
    return Check("exposure", True, "anon sees nothing, who is signed in own rows; neither calls a function")


def _told(rows: list[OpenRow]) -> str:
    return named([f"{row.role} has {row.right} on {row.name}" for row in rows])


def _taken_back(rows: list[OpenRow]) -> str:
    """What to do about the first of them."""
    first = rows[0]
    if first.right == "CREATE":
        what = f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {first.role}"
    elif first.right == "EXECUTE":
        what = f"REVOKE EXECUTE ON FUNCTION public.{first.name} FROM PUBLIC, {first.role}"
    else:
        what = (
            f"REVOKE {first.right} ON public.{first.name} FROM PUBLIC, {first.role}; or, where the app needs "
            "it, row level security with policies that ask auth.uid()"
        )
    return f"as who owns the schema: {what}; and so each of them"
