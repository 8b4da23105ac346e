"""From names to URLs."""

from __future__ import annotations

import pytest

from qiskit_rest_primitives.accounts.endpoints import (
    base_url_of,
    catalog_url_of,
    guid_of,
    iam_url_of,
    is_base_url,
    is_crn,
    is_loopback,
    masked,
    region_of,
    search_url_of,
)

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef:guid-1::"
EU = CRN.replace("us-east", "eu-de")
CLOUD = "https://cloud.ibm.com"


@pytest.mark.parametrize(
    ("url", "instance", "private", "expected"),
    [
        (CLOUD, CRN, False, "https://quantum.cloud.ibm.com/api/v1"),
        (CLOUD, EU, False, "https://eu-de.quantum.cloud.ibm.com/api/v1"),
        (CLOUD, CRN, True, "https://private.us-east.quantum.cloud.ibm.com/api/v1"),
        (CLOUD, EU, True, "https://private.eu-de.quantum.cloud.ibm.com/api/v1"),
        ("https://test.cloud.ibm.com/", CRN, None, "https://quantum.test.cloud.ibm.com/api/v1"),
        ("https://q.example/api/v1", CRN, False, "https://q.example/api/v1"),
        ("https://q.example/api/v1/", CRN, True, "https://q.example/api/v1"),
        ("https://q.example/v1", None, False, "https://q.example/v1"),
        ("http://127.0.0.1:8080", CRN, False, "http://127.0.0.1:8080"),
        ("http://localhost:8080/api/v1", CRN, False, "http://localhost:8080/api/v1"),
        ("http://[::1]:8080", CRN, False, "http://[::1]:8080"),
        ("http://experimental@10.0.0.1:80/api/v1", CRN, False, "http://10.0.0.1:80/api/v1"),
        ("https://experimental.example/x", CRN, False, "https://experimental.example/x"),
        ("https://own.example", "a-name", False, "https://own.example"),
    ],
)
def test_the_base_url(url: str, instance: str | None, private: bool | None, expected: str) -> None:
    assert base_url_of(url, instance, private, "ibm_quantum_platform") == expected


@pytest.mark.parametrize("crn", [CRN, EU])
@pytest.mark.parametrize("private", [True, False])
def test_the_base_url_is_the_official_clients(crn: str, private: bool) -> None:
    utils = pytest.importorskip("qiskit_ibm_runtime.api.utils")

    assert base_url_of(CLOUD, crn, private, "ibm_quantum_platform") == utils.default_runtime_url_resolver(
        CLOUD, crn, private, "ibm_quantum_platform"
    )


@pytest.mark.parametrize(
    ("url", "private", "environ", "expected"),
    [
        (CLOUD, False, {}, "https://iam.cloud.ibm.com"),
        (CLOUD, True, {}, "https://private.iam.cloud.ibm.com"),
        (CLOUD, False, {"IAM_URL": "https://own.example/"}, "https://own.example"),
        ("https://test.cloud.ibm.com", False, {}, "https://iam.test.cloud.ibm.com"),
        ("http://127.0.0.1:8080/api/v1", False, {}, "http://127.0.0.1:8080"),
        ("https://q.example:444/api/v1", False, {}, "https://q.example:444"),
        ("http://experimental@10.0.0.1:80/api/v1", False, {}, "http://10.0.0.1:80"),
        ("http://127.0.0.1:8080/api/v1", False, {"IAM_URL": "http://x"}, "http://127.0.0.1:8080"),
    ],
)
def test_the_token_service(url: str, private: bool, environ: dict[str, str], expected: str) -> None:
    assert iam_url_of(url, private, environ) == expected


def test_search_and_catalog() -> None:
    assert search_url_of(CLOUD, environ={}) == "https://api.global-search-tagging.cloud.ibm.com"
    assert catalog_url_of(CLOUD, environ={}) == "https://globalcatalog.cloud.ibm.com/api/v1"
    assert search_url_of(CLOUD, environ={"GLOBAL_SEARCH_URL": "http://s/"}) == "http://s"
    assert catalog_url_of(CLOUD, environ={"GLOBAL_CATALOG_URL": "http://c/"}) == "http://c"
    assert search_url_of(CLOUD, True, {}) == "https://api.private.global-search-tagging.cloud.ibm.com"
    assert catalog_url_of(CLOUD, True, {}) == "https://private.globalcatalog.cloud.ibm.com/api/v1"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("127.0.0.1.example", False),
        ("localhost.example", False),
        ("10.0.0.1", False),
        ("", False),
        (None, False),
    ],
)
def test_what_this_machine_is(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_base_urls_are_told_from_clouds() -> None:
    assert not is_base_url(CLOUD)
    assert is_base_url("https://x.example/api/v1")
    assert not is_base_url("https://x.example/api/v11")


def test_names_in_a_crn() -> None:
    assert is_crn(CRN)
    assert not is_crn("my-instance")
    assert not is_crn(None)
    assert (region_of(CRN), guid_of(CRN), guid_of("my-instance")) == ("us-east", "guid-1", "")
    assert masked(CRN) == "crn:v1:bluemix:public:quantum-computing:us-east:a/…:guid-1::"
    assert masked("my-instance") == "my-instance"
    assert masked(None) is None
