"""Accounts: which one is chosen, what is saved and how, what is never shown."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.accounts.account import (
    Account,
    AccountProblem,
    check_account,
    delete_account,
    find_account,
    save_account,
    saved_accounts,
)
from qiskit_rest_primitives.accounts.file import dump_entries, load_entries

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123456789abcdef0123456789abcdef:guid-1::"
TOKEN = "s3cret-token"


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "deep" / "qiskit-ibm.json")


def entry(token: str, channel: str = "ibm_quantum_platform", **more: Any) -> dict[str, Any]:
    return {"channel": channel, "token": token, "url": "https://cloud.ibm.com", **more}


def find(file: str, environ: dict[str, str] | None = None, **arguments: Any) -> Account:
    return find_account(filename=file, environ=environ or {}, **arguments)


ENVIRONMENT = {
    "QISKIT_IBM_TOKEN": "env-token",
    "QISKIT_IBM_URL": "https://env.example",
    "QISKIT_IBM_INSTANCE": "env-instance",
    "QISKIT_IBM_CHANNEL": "ibm_cloud",
}


def test_a_token_beats_environment_and_file(file: str) -> None:
    dump_entries({"default-ibm-quantum-platform": entry("saved")}, file)

    account = find(file, ENVIRONMENT, token="given")

    assert (account.token, account.channel, account.instance) == ("given", "ibm_quantum_platform", None)
    assert (account.url, account.verify, account.private_endpoint) == ("https://cloud.ibm.com", True, False)


def test_a_name_beats_everything(file: str, caplog: pytest.LogCaptureFixture) -> None:
    dump_entries({"mine": entry("saved", instance=CRN)}, file)

    account = find(file, ENVIRONMENT, name="mine", token="given", url="https://other.example")

    assert (account.token, account.url, account.name) == ("saved", "https://cloud.ibm.com", "mine")
    assert "ignored" in caplog.text


def test_the_environment_beats_the_file(file: str) -> None:
    dump_entries({"default-ibm-quantum-platform": entry("saved", is_default_account=True)}, file)

    account = find(file, ENVIRONMENT)

    assert (account.token, account.url) == ("env-token", "https://env.example")
    assert (account.instance, account.channel) == ("env-instance", "ibm_cloud")
    assert find(file, ENVIRONMENT, channel="ibm_quantum_platform").channel == "ibm_quantum_platform"


def test_the_environment_counts_only_with_a_token(file: str) -> None:
    dump_entries({"default-ibm-quantum-platform": entry("saved")}, file)

    account = find(file, {**ENVIRONMENT, "QISKIT_IBM_TOKEN": "", "QISKIT_IBM_CHANNEL": ""})

    assert (account.token, account.instance) == ("saved", None)


def test_a_line_end_that_came_along_with_a_token_is_dropped(file: str) -> None:
    environ = {"QISKIT_IBM_TOKEN": "env-token\n", "QISKIT_IBM_INSTANCE": f"{CRN}\n"}

    assert (find(file, environ).token, find(file, environ).instance) == ("env-token", CRN)
    assert find(file, token=" given\n").token == "given"


def test_explicit_arguments_override_what_is_saved(file: str) -> None:
    dump_entries({"mine": entry("saved", instance="old", verify=False, region="eu-de", tags=["a"])}, file)

    account = find(
        file, name="mine", instance=CRN, verify=True, region="us-east", plans_preference=["open"], tags=["b"]
    )

    assert (account.instance, account.verify, account.region) == (CRN, True, "us-east")
    assert (account.plans_preference, account.tags) == (("open",), ("b",))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "ibm_moon"}, ValueError),
        ({"url": "https://x.example"}, ValueError),
        ({"token": "t", "proxies": {"urls": {}, "username_ntlm": "u"}}, ValueError),
        ({"token": "t", "proxies": {"url": {}}}, TypeError),
        ({"token": "t", "region": "moon"}, AccountProblem),
        ({"token": "t", "url": "cloud.ibm.com"}, AccountProblem),
        ({"token": " "}, AccountProblem),
        ({"token": "t", "instance": " "}, AccountProblem),
        ({"name": "nobody"}, AccountProblem),
        ({}, AccountProblem),
        ({"channel": "ibm_quantum"}, AccountProblem),
    ],
)
def test_what_makes_no_sense_is_refused(file: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        find(file, **arguments)


def test_the_local_channel_needs_nothing(file: str) -> None:
    account = find(file, channel="local")

    assert (account.channel, account.token) == ("local", "")


def test_saving_and_finding_are_inverse(file: str) -> None:
    account = Account(
        channel="ibm_cloud",
        token=TOKEN,
        url="https://cloud.ibm.com",
        instance=CRN,
        proxies={"urls": {"https": "http://proxy:1"}, "username_ntlm": "u", "password_ntlm": "p"},
        verify=False,
        private_endpoint=True,
        region="eu-de",
        plans_preference=("open", "premium"),
        tags=("a", "b"),
    )

    name = save_account(account, filename=file)

    assert name == "default-ibm-cloud"
    found = find(file)
    assert {**vars(found), "name": None, "filename": None} == vars(account)


def test_the_file_has_the_documented_form(file: str) -> None:
    save_account(Account(token="t", instance=CRN), filename=file, name="mine", set_as_default=True)

    assert Path(file).read_text() == json.dumps(
        {
            "mine": {
                "channel": "ibm_quantum_platform",
                "instance": CRN,
                "is_default_account": True,
                "private_endpoint": False,
                "token": "t",
                "url": "https://cloud.ibm.com",
                "verify": True,
            }
        },
        indent=4,
    )


@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter; run on Linux or macOS")
def test_the_file_can_be_read_by_its_owner_only(file: str) -> None:
    Path(file).parent.mkdir()
    Path(file).write_text("{}")
    Path(file).chmod(0o644)

    save_account(Account(token="t"), filename=file)

    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in Path(file).parent.iterdir()] == ["qiskit-ibm.json"]


def test_an_existing_name_is_overwritten_only_when_told(file: str) -> None:
    save_account(Account(token="one"), filename=file)

    with pytest.raises(AccountProblem) as caught:
        save_account(Account(token="two"), filename=file)

    assert caught.value.kind == "exists"
    assert find(file).token == "one"
    save_account(Account(token="two"), filename=file, overwrite=True)
    assert find(file).token == "two"


def test_there_is_one_default(file: str) -> None:
    save_account(Account(token="one"), filename=file, name="one", set_as_default=True)
    with pytest.raises(AccountProblem) as caught:
        save_account(Account(token="two"), filename=file, name="two", set_as_default=True)
    assert caught.value.kind == "exists"
    assert list(load_entries(file)) == ["one"]

    save_account(Account(token="two"), filename=file, name="two", set_as_default=True, overwrite=True)

    assert find(file).name == "two"
    assert [key for key, saved in load_entries(file).items() if saved.get("is_default_account")] == ["two"]


def test_invalid_accounts_are_not_saved(file: str) -> None:
    for account in (Account(token=""), Account(channel="local", token="t")):
        with pytest.raises(AccountProblem):
            save_account(account, filename=file)

    assert not Path(file).exists()


def test_deleting(file: str) -> None:
    save_account(Account(token="t"), filename=file)
    save_account(Account(token="t"), filename=file, name="mine")

    assert delete_account(filename=file, name="mine") is True
    assert delete_account(filename=file, name="mine") is False
    assert delete_account(filename=file) is True
    assert load_entries(file) == {}


def test_listing_filters(file: str) -> None:
    dump_entries(
        {
            "default-ibm-quantum-platform": entry("a"),
            "default-ibm-cloud": entry("b", "ibm_cloud"),
            "mine": entry("c"),
            "old": entry("d", "ibm_quantum"),
        },
        file,
    )

    def names(**filters: Any) -> set[str]:
        return set(saved_accounts(filename=file, **filters))

    assert names() == {"default-ibm-quantum-platform", "default-ibm-cloud", "mine"}
    assert names(channel="ibm_cloud") == {"default-ibm-cloud"}
    assert names(name="mine") == {"mine"}
    assert names(default=True) == {"default-ibm-quantum-platform", "default-ibm-cloud"}
    assert names(default=False) == {"mine"}


@pytest.mark.parametrize("text", ["", "{}", "  \n"])
def test_an_empty_file_holds_no_accounts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(text)

    assert load_entries(path) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": {"channel": ["x"]}}', "[" * 200_000])
def test_a_damaged_file_is_reported_and_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(text)

    with pytest.raises(AccountProblem, match=r"accounts\.json") as caught:
        save_account(Account(token="t"), filename=str(path))
    assert caught.value.kind == "file"

    assert path.read_text() == text


SAVES = """
import itertools, sys, threading, types
from pathlib import Path
from qiskit_rest_primitives.accounts import file
from qiskit_rest_primitives.accounts.account import Account, save_account

path, system, process = sys.argv[1:]
if system == "windows":
    import fcntl
    file.WINDOWS = True
    locking = lambda handle, mode, count: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
    replace, refused = Path.replace, itertools.cycle([True, True, False])
    def replace_unless_read(place, other):
        if next(refused):
            raise PermissionError(13, "somebody reads it")
        return replace(place, other)
    Path.replace = replace_unless_read
save = lambda name: save_account(Account(token=name), filename=path, name=name)
threads = [threading.Thread(target=save, args=(f"{process}-{number}",)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.parametrize("system", ["this", "windows"])
def test_saving_from_many_threads_and_processes_loses_none(system: str, file: str) -> None:
    """Of Windows only the logic is tried: its ``msvcrt.locking`` is played by ``flock``, which refuses alike,
    and a reader who has the file open by two refusals for each replacement.
    """
    processes = [
        subprocess.Popen([sys.executable, "-c", SAVES, file, system, str(number)]) for number in range(3)
    ]

    assert [process.wait(timeout=600) for process in processes] == [0, 0, 0]
    assert set(load_entries(file)) == {f"{process}-{number}" for process in range(3) for number in range(4)}


def test_neither_repr_nor_str_nor_pickle_holds_a_secret(file: str) -> None:
    proxies = {
        "urls": {"https": "http://user:s3cret-proxy@proxy:1"},
        "username_ntlm": "u",
        "password_ntlm": "s3cret-ntlm",
    }
    account = Account(token=TOKEN, instance=CRN, proxies=proxies, name="mine", filename=file)

    for text in (repr(account), str(account), pickle.dumps(account).decode("latin-1")):
        assert "s3cret" not in text
        assert "0123456789abcdef0123456789abcdef" not in text


def test_an_unpickled_account_finds_its_secrets_where_they_are_saved(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    proxies = {"urls": {"https": "http://p:1"}}
    save_account(Account(token=TOKEN, instance=CRN, proxies=proxies), filename=file, name="mine")
    saved = find(file, name="mine")
    given = find(file, token="given")

    assert pickle.loads(pickle.dumps(saved)) == saved
    assert pickle.loads(pickle.dumps(given)).token == ""
    monkeypatch.setenv("QISKIT_IBM_TOKEN", "from-environment")
    assert pickle.loads(pickle.dumps(given)).token == "from-environment"


def test_urls_come_from_the_instance() -> None:
    account = Account(token="t", instance=CRN)

    assert account.base_url() == "https://quantum.cloud.ibm.com/api/v1"
    assert account.base_url(CRN.replace("us-east", "eu-de")) == "https://eu-de.quantum.cloud.ibm.com/api/v1"
    assert account.base_url(resolver=lambda *facts: f"https://x/{len(facts)}/") == "https://x/4"
    assert account.iam_url({}) == "https://iam.cloud.ibm.com"


# The unmodified official client on the same file.

official = pytest.importorskip("qiskit_ibm_runtime.accounts.management").AccountManager


def test_an_account_saved_here_is_found_by_the_official_client(file: str) -> None:
    proxies = {"urls": {"https": "http://proxy:1"}}
    account = Account(
        token=TOKEN, instance=CRN, proxies=proxies, region="us-east", plans_preference=("open",), tags=("a",)
    )
    save_account(account, filename=file, set_as_default=True)

    theirs = official.get(filename=file)

    assert (theirs.token, theirs.instance, theirs.channel) == (TOKEN, CRN, "ibm_quantum_platform")
    assert theirs.proxies.to_dict() == proxies
    assert (theirs.region, theirs.plans_preference, theirs.tags) == ("us-east", ["open"], ["a"])
    assert set(official.list(filename=file)) == {"default-ibm-quantum-platform"}


def test_an_account_saved_by_the_official_client_is_found_here(file: str) -> None:
    official.save(
        token=TOKEN,
        instance=CRN,
        channel="ibm_cloud",
        filename=file,
        name="theirs",
        verify=False,
        region="eu-de",
    )

    ours = find(file)

    assert (ours.token, ours.instance, ours.channel) == (TOKEN, CRN, "ibm_cloud")
    assert (ours.verify, ours.region, ours.url) == (False, "eu-de", "https://cloud.ibm.com")


def test_what_both_clients_write_is_the_same_text(file: str, tmp_path: Path) -> None:
    other = str(tmp_path / "theirs.json")
    save_account(Account(token=TOKEN, instance=CRN), filename=file)
    official.save(token=TOKEN, instance=CRN, filename=other, name=None, verify=True)

    assert load_entries(file) == load_entries(other)
    assert Path(file).read_text() == Path(other).read_text()


ENTRIES = {
    "default-ibm-cloud": entry("cloud", "ibm_cloud", instance=CRN),
    "default-ibm-quantum-platform": entry("platform", instance=CRN),
    "extra-cloud": entry("extra-cloud", "ibm_cloud", instance=CRN),
    "marked-cloud": entry("marked-cloud", "ibm_cloud", instance=CRN, is_default_account=True),
    "mine": entry("mine", instance=CRN),
}


@pytest.mark.parametrize("names", [c for n in range(6) for c in itertools.combinations(sorted(ENTRIES), n)])
@pytest.mark.parametrize("channel", [None, "ibm_cloud", "ibm_quantum_platform"])
@pytest.mark.parametrize("wish", [None, "ibm_cloud"])
def test_both_clients_choose_the_same_account(
    file: str,
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    channel: str | None,
    wish: str | None,
) -> None:
    dump_entries({name: ENTRIES[name] for name in names}, file)
    monkeypatch.delenv("QISKIT_IBM_TOKEN", raising=False)
    if wish:
        monkeypatch.setenv("QISKIT_IBM_CHANNEL", wish)
    else:
        monkeypatch.delenv("QISKIT_IBM_CHANNEL", raising=False)
    try:
        theirs = official.get(filename=file, channel=channel).token
    except Exception as problem:  # noqa: BLE001 - whatever it is, it means that they find none
        theirs = type(problem).__name__
    try:
        ours = find(file, {"QISKIT_IBM_CHANNEL": wish} if wish else {}, channel=channel).token
    except AccountProblem as problem:
        ours = problem.kind

    if theirs == "AccountNotFoundError":
        # Ours is content with any usable account where theirs insists on a default name.
        assert ours == "missing" or ours in {ENTRIES[name]["token"] for name in names}
    else:
        assert ours == theirs


def test_a_check_accepts_a_sound_account() -> None:
    check_account(Account(token="t", proxies={"urls": {"https": "http://p"}}))


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("with_platform", [True, False])
def test_a_saved_local_server_does_not_disturb_the_official_client(
    file: str, monkeypatch: pytest.MonkeyPatch, marked: bool, with_platform: bool
) -> None:
    """Fault D (accounts of the channel local): it is ours to use; theirs lists, chooses, saves and deletes around it."""
    for name in ("TOKEN", "CHANNEL", "URL", "INSTANCE"):
        monkeypatch.delenv(f"QISKIT_IBM_{name}", raising=False)
    if with_platform:
        save_account(Account(token=TOKEN, instance=CRN), filename=file)
    local = Account("local", "k" * 44, "http://127.0.0.1:9/api/v1")
    save_account(local, filename=file, set_as_default=marked)
    before = load_entries(file)["default-local"]
    usual = ["default-ibm-quantum-platform"] * with_platform

    assert list(official.list(filename=file)) == usual
    assert list(official.list(filename=file, default=True)) == usual
    if with_platform:
        assert official.get(filename=file).token == official.get(filename=file, channel=None).token == TOKEN
    else:
        with pytest.raises(Exception, match="Unable to find account"):
            official.get(filename=file)
    official.save(token="x" * 44, filename=file, name="other", channel="ibm_cloud", set_as_default=True)
    assert official.get(filename=file).token == "x" * 44
    assert official.delete(filename=file, name="other") is True

    assert load_entries(file)["default-local"] == before
    assert find(file, channel="local", name="default-local").token == "k" * 44
    assert list(saved_accounts(filename=file, channel="local")) == ["default-local"]
    if marked or not with_platform:
        assert before.get("is_default_account", False) is marked
    if marked:
        assert find(file).channel == "local"
    elif with_platform:
        assert find(file).channel == "ibm_quantum_platform"
    else:
        with pytest.raises(AccountProblem, match="No account"):
            find(file)


def test_a_local_account_as_earlier_versions_wrote_it_is_read(file: str) -> None:
    Path(file).parent.mkdir()
    Path(file).write_text(
        '{"old": {"channel": "local", "token": "t", "url": "http://h", "is_default_account": true}}'
    )

    assert find(file).name == "old"
