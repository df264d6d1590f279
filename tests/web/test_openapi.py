"""The description of the API, and whatever schemathesis makes of it."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.test_likeness import FakeDetector, FakeEmbedder
from tests.web.conftest import UNLIMITED, Api, fill, judging
from tracker.likeness import Describer
from tracker.store.session import open_store
from tracker.web.app import API, create_app


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with open_store(tmp_path_factory.mktemp("store") / "omnitrack.db") as store:
        fill(store)
        yield Api(store)


def describer() -> Describer:
    return Describer(FakeDetector(), FakeEmbedder())


def attack(api: Api, examples: int) -> None:
    """Everything that the description promises holds: no 5xx, and statuses, types and fields as described."""
    app = create_app(api.store, always_ask=True, limit=UNLIMITED, build_describer=describer, judging=judging())
    description = schemathesis.openapi.from_asgi(f"{API}/openapi.json", app).exclude(path=f"{API}/events")
    headers = {"Authorization": f"Bearer {api.secrets['admin']}"}
    tried = 0
    for operation in description.get_all_operations():
        assert isinstance(operation, Ok)

        @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
        @given(operation.ok().as_strategy())
        def holds(case: Any) -> None:
            # all but one: the year 260 is a valid date-time, and refused
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])

        holds()
        tried += 1
    assert tried > 10


def test_nothing_breaks_the_api(served: Api) -> None:
    attack(served, 8)


@pytest.mark.slow
def test_nothing_breaks_the_api_however_long_one_tries(served: Api) -> None:
    attack(served, 300)


def test_the_description_says_who_may_ask(api: Api) -> None:
    description = api.as_(None).get(f"{API}/openapi.json").json()
    for path, methods in description["paths"].items():
        for method in methods.values():
            assert method["security"] == [{"HTTPBearer": []}], path
            assert method.get("summary"), path
            assert {"401", "403", "404", "429", "503"} <= set(method["responses"]), path
