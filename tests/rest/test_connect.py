"""Discovery of instances, and the choice among them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.auth import StaticBearer
from qiskit_rest_primitives.rest.connect import Discovery, choose
from qiskit_rest_primitives.rest.messages import FailureError, Response
from qiskit_rest_primitives.wire.models import InstanceRecord


def crn(name: str, region: str = "us-east") -> str:
    return f"crn:v1:bluemix:public:quantum-computing:{region}:a/0123:{name}::"


class Cloud:
    """Global Search and Global Catalog."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.pages = [
            {
                "items": [
                    self.item("paid", "plan-paid", ["a", "B"]),
                    self.item("archived", "plan-gone"),
                    {"crn": crn("nothing"), "name": "no doc"},
                ],
                "search_cursor": "next",
            },
            {
                "items": [
                    self.item("open", "plan-open"),
                    self.item("paid2", "plan-paid"),
                    self.item("none", ""),
                ]
            },
        ]
        self.plans = {
            "plan-paid": ("Pay As You Go", "paygo"),
            "plan-open": ("open", "free"),
        }

    def item(self, name: str, plan: str, tags: list[str] | None = None) -> dict[str, Any]:
        return {
            "crn": crn(name),
            "name": name,
            "service_plan_unique_id": plan,
            "doc": {"extensions": {"x": 1}},
            "tags": tags or [],
        }

    def __call__(self, outgoing: Any) -> Response:
        self.seen.append(outgoing)
        parts = urlsplit(outgoing.url)
        if parts.hostname == "search.example":
            page = self.pages[1 if "search_cursor" in json.loads(outgoing.body) else 0]
            return Response(200, {}, json.dumps(page).encode())
        plan = parts.path.rpartition("/")[2]
        if plan not in self.plans:
            return Response(403, {}, b"")
        name, price = self.plans[plan]
        document = {"overview_ui": {"en": {"display_name": name}}, "metadata": {"pricing": {"type": price}}}
        return Response(200, {}, json.dumps(document).encode())


ENVIRON = {
    "GLOBAL_SEARCH_URL": "https://search.example",
    "GLOBAL_CATALOG_URL": "https://catalog.example/api/v1",
}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def discover(cloud: Any, **more: Any) -> list[InstanceRecord]:
    return Discovery(
        Account(token="t"), cloud, StaticBearer("s3cret"), environ=ENVIRON, sleep=lambda seconds: None, **more
    ).instances()


def test_all_pages_are_read_and_each_plan_is_asked_for_once(cloud: Cloud) -> None:
    records = discover(cloud)

    assert [(record.name, record.plan, record.pricing_type) for record in records] == [
        ("open", "open", "free"),
        ("paid", "Pay As You Go", "paygo"),
        ("paid2", "Pay As You Go", "paygo"),
        ("archived", "unknown", "unknown"),
        ("none", "unknown", "unknown"),
    ]
    assert records[1].tags == ("a", "B")
    assert [(each.method, urlsplit(each.url).path) for each in cloud.seen] == [
        ("POST", "/v3/resources/search"),
        ("POST", "/v3/resources/search"),
        ("GET", "/api/v1/plan-gone"),
        ("GET", "/api/v1/plan-open"),
        ("GET", "/api/v1/plan-paid"),
    ]


def test_the_search_is_the_documented_one(cloud: Cloud) -> None:
    discover(cloud)

    assert urlsplit(cloud.seen[0].url).query == "limit=100"
    assert json.loads(cloud.seen[1].body) == {
        "query": "service_name:quantum-computing",
        "fields": ["crn", "service_plan_unique_id", "name", "doc", "tags"],
        "search_cursor": "next",
    }


def test_a_cursor_that_never_ends_does_not_loop_for_ever(cloud: Cloud) -> None:
    cloud.pages[1]["search_cursor"] = "again"

    discover(cloud)

    assert len(cloud.seen) < 110


def test_a_refusal_is_raised(cloud: Cloud) -> None:
    with pytest.raises(FailureError) as caught:
        discover(lambda outgoing: Response(401, {}, b""))

    assert caught.value.failure.status == 401


@pytest.mark.parametrize(
    "page",
    [
        {"items": 7},
        {"items": [None]},
        {"items": ["crn"]},
        {"items": {"a": 1}},
        {"items": [], "search_cursor": {"a": 1}},
        {"items": [{"crn": crn("a"), "doc": 7}]},
        {"items": [{"crn": crn("a"), "doc": {"extensions": {"x": 1}}, "tags": 7}]},
        {"items": [{"crn": crn("a"), "doc": {"extensions": {"x": 1}}, "service_plan_unique_id": ".."}]},
        [],
        None,
        7,
    ],
    ids=repr,
)
def test_a_page_that_is_none_is_a_failure_with_its_place(page: Any) -> None:
    """Faults C9: what discovery is told is read within the guard around all readers."""
    with pytest.raises(FailureError) as caught:
        discover(lambda _: Response(200, {}, json.dumps(page).encode()))

    assert (caught.value.failure.kind, caught.value.failure.path) == ("body", "/v3/resources/search")


RECORDS = [
    InstanceRecord(crn("a"), "open", "first", ("x", "y"), "free"),
    InstanceRecord(crn("b", "eu-de"), "Premium", "second", ("X",), "subscription"),
    InstanceRecord(crn("c"), "flex", "first", (), "paid"),
]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"instance": "auto"}, [0, 1, 2]),
        ({"instance": "first"}, [0, 2]),
        ({"instance": crn("c")}, [2]),
        ({"instance": "third"}, []),
        ({"instance": "second", "region": "us-east", "plans": ["open"]}, [1]),
        ({"region": "eu-de"}, [1]),
        ({"plans": ["premium", "OPEN"]}, [1, 0]),
        ({"plans": []}, []),
        ({"tags": ["x"]}, [0, 1]),
        ({"tags": ["x", "Y"]}, [0]),
    ],
)
def test_the_choice(filters: dict[str, Any], expected: list[int]) -> None:
    assert choose(RECORDS, **filters) == [RECORDS[index] for index in expected]
