import pytest
from sqlalchemy import select

from tests.store.walk import begin
from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.models import Audit
from tracker.store.session import Store
from tracker.store.tokens import Role, access_of, create_token, revoke_token, tokens, tokens_exist


def test_a_secret_opens_until_it_is_revoked(store: Store) -> None:
    begin(store)
    with store.write() as connection:
        assert not tokens_exist(connection)
        secret = create_token(connection, "anna", Role.VIEWER, ("west",))
        other = create_token(connection, "bob", Role.ADMIN)
        access = access_of(connection, secret)
        assert access is not None
        assert (access.name, access.role, access.cameras) == ("anna", Role.VIEWER, ("west",))
        assert [token.name for token in tokens(connection)] == ["anna", "bob"]
        revoke_token(connection, "anna")
        assert access_of(connection, secret) is None
        assert access_of(connection, other) is not None
        assert [token.cameras for token in tokens(connection)] == [None]


@pytest.mark.parametrize("guess", ["", "omni_", "anna", "\udcff", "omni_" + "x" * 100_000])
def test_anything_else_opens_nothing(store: Store, guess: str) -> None:
    with store.write() as connection:
        create_token(connection, "anna", Role.ADMIN)
        assert access_of(connection, guess) is None


def test_the_secret_is_nowhere_in_the_file(store: Store) -> None:
    with store.write() as connection:
        secret = create_token(connection, "anna", Role.ADMIN)
    with store.read() as connection:
        (record,) = connection.execute(select(Audit.action, Audit.details)).all()
        assert (record.action, record.details["name"]) == ("token create", "anna")
    for file in store.path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
        assert secret.removeprefix("omni_").encode() not in file.read_bytes()


def test_bad_tokens_are_not_made(store: Store) -> None:
    begin(store)
    with store.write() as connection:
        create_token(connection, "anna", Role.VIEWER)
        for name, role, cameras, words in (
            ("anna", Role.VIEWER, None, "exists already"),
            ("", Role.VIEWER, None, "name it with at most"),
            ("a\nb", Role.VIEWER, None, "name it with at most"),
            ("x" * 65, Role.VIEWER, None, "name it with at most"),
            ("bob", Role.OPERATOR, ("west",), "only a viewer"),
            ("bob", Role.VIEWER, ("north",), "camera north: is not in the database"),
        ):
            with pytest.raises(OmnitrackError, match=words):
                create_token(connection, name, role, cameras)
        with pytest.raises(NotFoundError, match="token bob: does not exist"):
            revoke_token(connection, "bob")


def test_roles_include_the_lesser_ones() -> None:
    assert [[role.includes(other) for other in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
