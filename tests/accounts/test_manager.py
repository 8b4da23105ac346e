"""``AccountManager`` reads, writes and deletes what the official one does, in the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qiskit_ibm_runtime.accounts import AccountManager as Official
from qiskit_ibm_runtime.proxies import ProxyConfiguration as OfficialProxies

from qiskit_rest_primitives.accounts.manager import AccountManager, ProxyConfiguration
from qiskit_rest_primitives.exceptions import AccountAlreadyExistsError, AccountNotFoundError

KEY = "k" * 44
FIELDS = ("channel", "token", "url", "instance", "verify", "private_endpoint", "region")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "URL", "INSTANCE", "CHANNEL"):
        monkeypatch.delenv(f"QISKIT_IBM_{name}", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "accounts.json")


def facts(account: Any) -> list[Any]:
    return [getattr(account, name) for name in FIELDS]


@pytest.mark.parametrize("ours_writes", [True, False])
def test_one_client_reads_what_the_other_has_saved(file: str, ours_writes: bool) -> None:
    manager, proxies = (AccountManager, ProxyConfiguration) if ours_writes else (Official, OfficialProxies)
    manager.save(token=KEY, filename=file)
    manager.save(
        token=KEY + "2",
        channel="ibm_cloud",
        filename=file,
        name="second",
        region="eu-de",
        proxies=proxies(urls={"https": "http://proxy.invalid:3128"}),
        set_as_default=True,
    )

    for wish in ({}, {"default": True}, {"default": False}, {"channel": "ibm_cloud"}, {"name": "second"}):
        ours, theirs = AccountManager.list(filename=file, **wish), Official.list(filename=file, **wish)
        assert {name: facts(account) for name, account in ours.items()} == {
            name: facts(account) for name, account in theirs.items()
        }
    for wish in ({}, {"name": "second"}, {"channel": "ibm_cloud"}, {"channel": "ibm_quantum_platform"}):
        assert facts(AccountManager.get(filename=file, **wish)) == facts(Official.get(filename=file, **wish))
    found = AccountManager.get(filename=file, name="second")
    assert found is not None
    assert dict(found.proxies or {}) == {"urls": {"https": "http://proxy.invalid:3128"}}


def test_the_environment_comes_before_the_file(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    AccountManager.save(token=KEY, filename=file)
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "e" * 44)

    assert AccountManager.get(filename=file).token == Official.get(filename=file).token == "e" * 44
    assert AccountManager.get(filename=file, name="default").token == KEY


def test_what_is_there_is_kept_and_what_is_not_is_an_error(file: str) -> None:
    with pytest.raises(AccountNotFoundError):
        AccountManager.get(filename=file)
    AccountManager.save(token=KEY, filename=file)

    with pytest.raises(AccountAlreadyExistsError):
        AccountManager.save(token=KEY, filename=file)
    assert (
        AccountManager.delete(filename=file) is False
    )  # it is called "default", not as its channel's default
    assert AccountManager.delete(filename=file, name="default") is True
    assert AccountManager.list(filename=file) == {}


def test_proxies_as_an_object_are_those_of_the_official_client() -> None:
    for members in (
        {},
        {"urls": {"https": "http://u:p@h:1"}},
        {"username_ntlm": "u", "password_ntlm": "secret"},
    ):
        ours, theirs = ProxyConfiguration(**members), OfficialProxies(**members)
        ours.validate()
        assert ours.to_dict() == theirs.to_dict() == members
        assert ours.to_request_params().get("proxies") == theirs.to_request_params().get("proxies")
        assert "secret" not in repr(ours)
        assert "u:p" not in repr(ours)
    with pytest.raises(ValueError, match="both 'username_ntlm' and"):
        ProxyConfiguration(username_ntlm="u").validate()
