"""Programs that mean harm, uploaded to a server in a process of its own: as the user of the tests, and as no root.

Every limit is small, so that a hole in a limit shows as a failed test and not as a machine that stands still.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import qiskit_rest_primitives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are isolated on Linux only")

SERVER = Path(__file__).parents[2] / "material" / "program_server.py"
PACKAGE = Path(qiskit_rest_primitives.__file__).parent
SOMEBODY = 50_000 + os.getpid() % 10_000
"""A user of this process alone: limits of processes count those of all tests that run as the same user."""

# What Docker's usual profile does to containers: nobody may make a namespace.
WITHOUT_NAMESPACES = """
import ctypes, os, platform, struct, sys
machine, unshare = {"x86_64": (0xC000003E, 272), "aarch64": (0xC00000B7, 97)}[platform.machine()]
rules = [(0x20, 0, 0, 4), (0x15, 0, 3, machine), (0x20, 0, 0, 0), (0x15, 0, 1, unshare), (6, 0, 0, 0x00050001),
         (6, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("rules", ctypes.c_char_p)]
c = ctypes.CDLL(None)
assert c.prctl(38, 1, 0, 0, 0) == 0 and c.prctl(22, 2, ctypes.byref(Filter(len(rules), code)), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def as_somebody() -> list[str]:
    """Return what to put before a command so that an ordinary user runs it, wherever the interpreter stands.

    Directories that only root may enter are replaced, in a mount namespace of the command's own, by ones that hold
    nothing but what the command needs.
    """
    groups: dict[Path, list[Path]] = {}
    for path in {Path(sys.base_prefix), Path(sys.prefix), PACKAGE.parent, SERVER.parent}:
        closed = [above for above in path.resolve().parents if not above.stat().st_mode & 0o001]
        if closed:
            groups.setdefault(closed[-1], []).append(path.resolve())
    lines = ["set -e"]
    for closed_one, paths in groups.items():
        lines += ["new=$(mktemp -d)", 'mount -t tmpfs -o mode=755 none "$new"']
        for path in sorted(paths):
            inner = f'"$new"/{shlex.quote(str(path.relative_to(closed_one)))}'
            lines.append(
                f"[ -d {inner} ] || {{ mkdir -p {inner}; mount --rbind {shlex.quote(str(path))} {inner}; }}"
            )
        lines.append(f'mount --move "$new" {shlex.quote(str(closed_one))}; rmdir "$new"')
    lines.append(f'exec setpriv --reuid {SOMEBODY} --regid {SOMEBODY} --clear-groups "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh"]


class Victim:
    """A server in a process of its own, and a client of it."""

    def __init__(self, before: list[str], user: int, allow: str = "isolated") -> None:
        self.token = "tok-" + secrets.token_hex(16)
        self.home = Path(tempfile.mkdtemp(prefix="victim-"))
        os.chown(self.home, user, -1)
        self.database = self.home / "jobs.sqlite"
        self.process = subprocess.Popen(
            [*before, sys.executable, "-B", str(SERVER), allow, str(self.database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(PACKAGE.parent),
                "HOME": str(self.home),
                "TOKEN": self.token,
            },
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.stop()
            pytest.skip("no server as another user: runs where root may mount file systems and become others")
        self.endpoint = json.loads(line)
        self.session = requests.Session()
        self.session.headers.update(
            {"Authorization": f"apikey {self.token}", "Service-CRN": self.endpoint["instance"]}
        )
        self.probed: dict[str, Any] = {}
        self.spied: dict[str, Any] = {}

    def stop(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=900)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home)

    @property
    def limits(self) -> dict[str, Any]:
        """What a program found out about its own limits; one run for all questions."""
        if not self.probed:
            self.probed = self.run(LIMITS)
        return self.probed

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.session.request(method, self.endpoint["url"] + path, timeout=600, **more)

    def start(self, body: str, *, cost: int = 20, **inputs: Any) -> str:
        """Upload a program whose ``main`` has this body, and run it."""
        source = "def main(backend, user_messenger, **inputs):\n" + textwrap.indent(
            textwrap.dedent(body), "    "
        )
        data = base64.b64encode(source.encode()).decode()
        document = {"name": secrets.token_hex(8), "data": data, "cost": cost}
        program = self.call("POST", "/programs", json=document).json()["id"]
        answer = self.call("POST", "/jobs", json={"program_id": program, "params": inputs})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def end_of(self, job: str) -> dict[str, Any]:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            document: dict[str, Any] = self.call("GET", f"/jobs/{job}", headers={"Prefer": "wait=50"}).json()
            if document["status"] not in ("Queued", "Running"):
                state: dict[str, Any] = document["state"]
                return state
        raise AssertionError(f"{job} did not end")

    def run(self, body: str, **more: Any) -> Any:
        """Run a program that succeeds, and return what it returns."""
        job = self.start(body, **more)
        state = self.end_of(job)
        assert state["status"] == "Completed", state
        return self.call("GET", f"/jobs/{job}/results").json()

    def failure(self, body: str, **more: Any) -> str:
        """Run a program that fails, and return the reason."""
        state = self.end_of(self.start(body, **more))
        assert state["status"] in ("Failed", "Cancelled"), state
        return str(state["reason"])


@pytest.fixture(scope="module", params=["this user", "no root"])
def running(request: pytest.FixtureRequest) -> Iterator[Victim]:
    other = request.param == "no root"
    if other and os.getuid() != 0:
        pytest.skip("these tests run as an ordinary user already: runs where they run as root")
    victim = Victim(as_somebody() if other else [], SOMEBODY if other else os.getuid())
    try:
        first = victim.start(LIMITS)
        refused = victim.end_of(first).get("reason") or ""
        if "isolated" in refused:
            pytest.skip(f"{refused} Runs where processes may have namespaces.")
        victim.probed = victim.call("GET", f"/jobs/{first}/results").json()
        yield victim
        assert victim.run("return 'well'") == "well"
    finally:
        victim.stop()


@pytest.fixture
def victim(running: Victim) -> Iterator[Victim]:
    """The server, which serves afterwards as before; the next test runs the next program."""
    yield running
    assert running.process.poll() is None
    assert running.call("GET", "/backends").json() == {"devices": ["aer_simulator"]}


# The calls take memory that no process is charged for: detached segments, memory files, and file systems mounted in a
# user namespace of the program's own.
LIMITS = """
import ctypes, os, resource
c = ctypes.CDLL(None, use_errno=True)
calls = {}
for name, arguments in {
    "shmget": (0, 1 << 20, 0o1600), "memfd_create": (b"x", 0), "msgget": (0, 0o1600), "semget": (0, 1, 0o1600),
    "unshare": (0x10020000,), "mount": (b"none", b"/dev/shm", b"tmpfs", 0, None),
}.items():
    ctypes.set_errno(0)
    calls[name] = [getattr(c, name)(*arguments), os.strerror(ctypes.get_errno())]
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
return {"processes": resource.getrlimit(resource.RLIMIT_NPROC), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "memory": resource.getrlimit(resource.RLIMIT_AS), "core": resource.getrlimit(resource.RLIMIT_CORE),
        "user": os.getuid(), "might": int(status["CapEff"], 16), "filter": int(status["Seccomp"]), "calls": calls}
"""


def test_the_limits_are_in_force(victim: Victim) -> None:
    seen = victim.limits

    assert seen["processes"][0] == seen["processes"][1] <= most_processes(seen["user"])
    assert seen["files"] == [64, 64]
    assert seen["memory"][0] == seen["memory"][1] < 4 << 30
    assert (seen["core"], seen["might"], seen["filter"]) == ([0, 0], 0, 2)
    assert seen["user"] != 0


def statuses() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            found.append(path.read_text())
    return found


def most_processes(user: int) -> int:
    """Return what the limit of processes may be: a program without a user of its own is counted together with all that
    its user runs, such as the tests and, where a person runs them, a whole desktop."""
    threads = [int(line.split()[1]) for status in statuses() if f"\nUid:\t{user}\t" in status
               for line in status.splitlines() if line.startswith("Threads:")]  # fmt: skip
    return 8 + (sum(threads) + 200 if user in (SOMEBODY, os.getuid()) else 0)


@pytest.mark.parametrize("escape", ["pass", "os.setsid()"])
def test_a_fork_bomb(victim: Victim, escape: str) -> None:
    if victim.limits["processes"][1] > most_processes(victim.limits["user"]):
        pytest.fail("the limit of processes is not in force: the bomb stays where it is")
    reason = victim.failure(f"import os\nwhile True:\n    if os.fork() == 0:\n        {escape}", cost=10)

    assert "Resource temporarily unavailable" in reason or "processes" in reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import ctypes; ctypes.string_at(0)", "ended by signal 11"),
        ("import os; os.abort()", "ended by signal 6"),
        ("return bytearray(10 << 30)", "more memory than its limit"),
        ("return 'x' * (1 << 20)", "at most 100000"),
        ("for number in range(10**9): user_messenger.publish(number)", "more than 50 messages"),
        ("for number in range(10**9): user_messenger.publish('x' * 50_000)", "or 200000 bytes"),
        (
            "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'nonsense' * 9)\n    except OSError: pass",
            "the pipe that its messages go through",
        ),
        # A well-formed report of a failure, but an endless one.
        (
            """
            import json, os, struct, time
            body = json.dumps("x" * 90_000).encode()
            for fd in range(3, 64):
                try:
                    os.write(fd, struct.pack(">cI", b"E", len(body)) + body)
                except OSError:
                    pass
            time.sleep(9)
            """,
            "xxx",
        ),
    ],
    ids=[
        "crash",
        "abort",
        "10 GB",
        "giant result",
        "many messages",
        "much in messages",
        "inherited",
        "reason",
    ],
)
def test_a_crash_or_too_much_of_something(victim: Victim, body: str, reason: str) -> None:
    found = victim.failure(body)

    assert reason in found
    assert len(found) < 10_000


def test_endless_loops(victim: Victim) -> None:
    """One that works, one that waits, and one that closes its pipe and goes on; all at once."""
    works = victim.start("while True: pass", cost=1)
    waits = victim.start("import time\nwhile True: time.sleep(1)", cost=2)
    closes = victim.start("import os, time\nos.closerange(3, 64)\ntime.sleep(100_000)", cost=2)

    reasons = [str(victim.end_of(job)["reason"]) for job in (works, waits, closes)]

    assert "processor time" in reasons[0] or "longer than 1 second" in reasons[0]
    assert "longer than 2 seconds" in reasons[1]
    assert "longer than 2 seconds" in reasons[2]


def test_endless_output(victim: Victim) -> None:
    job = victim.start("import os\nwhile True: os.write(1, b'x' * 60_000)", cost=1)
    state = victim.end_of(job)

    assert state["status"] in ("Failed", "Cancelled")
    assert len(victim.call("GET", f"/jobs/{job}/logs").text) < 11_000


def test_memory_that_no_process_is_charged_for(victim: Victim) -> None:
    assert {tuple(each) for each in victim.limits["calls"].values()} == {(-1, "Operation not permitted")}


def test_programs_of_two_servers_do_not_share_a_user(victim: Victim) -> None:
    """Or a fork bomb in one of them would leave the other's program without processes, and its end would kill it."""
    other = Victim([], os.getuid())
    try:
        users = [victim.limits["user"], other.run("import os\nreturn os.getuid()")]  # of the first of each
    finally:
        other.stop()

    assert (users[0] == users[1]) == (os.getuid() != 0), users


def test_many_processes_with_much_memory_each(victim: Victim) -> None:
    reason = victim.failure(
        """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                block = b"x" * (240 << 20)
                while True:
                    time.sleep(1)
        while True:
            time.sleep(1)
        """
    )

    assert "more memory" in reason


def test_a_full_disk(victim: Victim) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    seen = victim.run(
        """
        import os
        found = {}
        try:
            open("/tmp/one", "wb").write(bytes(2 << 20))
        except OSError as error:
            found["one"] = error.strerror
        for place in ("/tmp", "/dev/shm"):
            written = 0
            try:
                for number in range(1000):
                    written += open(f"{place}/{number}", "wb").write(bytes(1 << 19))
            except OSError as error:
                found[place] = error.strerror
            found["bytes"] = max(found.get("bytes", 0), written)
        for place in ("/", "/usr", "/var/tmp", "/dev", os.path.dirname(os.__file__)):
            try:
                open(place + "/planted", "w")
                found[place] = "written"
            except OSError as error:
                pass
        return found
        """
    )

    full = "No space left on device"
    assert seen.pop("bytes") <= 16 << 20
    assert seen == {"one": "File too large", "/tmp": full, "/dev/shm": full}
    assert shutil.disk_usage(tempfile.gettempdir()).free > free - (1 << 30)


def test_many_files(victim: Victim) -> None:
    """Files, directories and links, in either place."""
    seen = victim.run(
        """
        import os, shutil
        found = {}
        for name, make in {
            "file": lambda path: open(path, "w").close(), "directory": os.mkdir, "link": lambda path: os.symlink("/", path)
        }.items():
            for place in ("/tmp", "/dev/shm"):
                above = place + "/" + name
                os.mkdir(above)
                try:
                    for number in range(10_000):
                        make(f"{above}/{number}")
                except OSError as error:
                    found[above] = [error.strerror, number < 1100]
                shutil.rmtree(above)
        return found
        """
    )

    assert seen == {
        f"{place}/{name}": ["No space left on device", True]
        for place in ("/tmp", "/dev/shm")
        for name in ("file", "directory", "link")
    }


def test_directories_in_directories_in_directories(victim: Victim) -> None:
    assert "No space" in victim.failure("import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')")


LEAVE = """
import os, time
ready, told = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("/proc/self/comm", "w").write(inputs["name"])
    os.write(told, b"x")
    os.closerange(0, 64)
    time.sleep(600)
os.read(ready, 1)
if inputs["stay"]:
    time.sleep(600)
return "done"
"""


def gone(name: str) -> bool:
    """Whether a process of this name ends soon."""
    deadline = time.monotonic() + 600
    while any(f"Name:\t{name}\n" in status for status in statuses()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_what_is_left_running(victim: Victim) -> None:
    """A child that left its session and parents, and holds nothing open."""
    name = "left" + secrets.token_hex(4)

    assert victim.run(LEAVE, name=name, stay=False) == "done"
    assert gone(name)
    assert "longer than 2 seconds" in victim.failure(LEAVE, name=name, stay=True, cost=2)
    assert gone(name)


def test_files_of_other_jobs(victim: Victim) -> None:
    """Two programs at once: one writes a secret wherever it can, the other one looks for it."""
    secret = secrets.token_hex(8)
    writer = victim.start(
        """
        import time
        for place in ("/tmp", "/dev/shm"):
            open(place + "/" + inputs["secret"], "w").write(inputs["secret"])
        user_messenger.publish("written")
        time.sleep(60)
        """,
        cost=60,
        secret=secret,
    )
    written = victim.call(
        "GET", f"/jobs/{writer}/interim_results?offset=0", headers={"Prefer": "wait=30"}
    ).json()
    seen = victim.run(
        """
        import os
        found = []
        for place in ("/tmp", "/dev/shm", "/var/tmp", "/proc"):
            for above, directories, names in os.walk(place):
                found += [name for name in names if name == inputs["secret"][::-1]]
        return found
        """,
        secret=secret[::-1],
    )

    assert (written, seen) == (["written"], [])
    assert victim.call("GET", f"/jobs/{writer}").json()["status"] == "Running"
    assert victim.call("POST", f"/jobs/{writer}/cancel").status_code == 204


SPY = """
import ctypes, os, signal, socket
server, port, database = inputs["server"], inputs["port"], inputs["database"]
needle = inputs["needle"][::-1].encode()
found = {"environment": sorted(os.environ), "holding": [], "reached": [], "links": []}

found["processes"] = [name for name in os.listdir("/proc") if name.isdigit()]
skip = (os.path.dirname(os.__file__), "/usr", "/lib", "/sys", *[path for path in __import__("sys").path if path])
for above, directories, names in os.walk("/"):
    directories[:] = [name for name in directories if not os.path.join(above, name).startswith(skip)]
    for name in names:
        try:
            with open(os.path.join(above, name), "rb", buffering=0) as file:
                os.set_blocking(file.fileno(), False)
                if needle in (file.read(1 << 20) or b""):
                    found["holding"].append(os.path.join(above, name))
        except OSError:
            pass

for path in (database, database + "-wal", f"/proc/{server}/environ", f"/proc/{server}/mem", f"/proc/{server}/fd",
             f"/proc/{server}/root/etc/passwd", "/etc/shadow", "/proc/1/environ", "/proc/1/mem", "/proc/1/root/etc"):
    for use in (open, os.listdir):
        try:
            found["reached"] += [path] if use(path) else []
        except OSError:
            pass

for name, make in {
    "symlink": lambda: (os.symlink(database, "away"), open("away", "a")),
    "root": lambda: (os.symlink("/", "up"), open("up/planted", "w")),
    "hard": lambda: (os.link("/etc/ld.so.cache", "hard")),
    "package": lambda: (os.link(__import__("qiskit").__file__, "hard"), open("hard", "a")),
    "up": lambda: open("../../../../../../../../" + database, "a"),
    "descriptor": lambda: os.listdir(f"/proc/self/fd/{os.open('/', os.O_RDONLY)}/../../var/lib"),
}.items():
    try:
        make()
        found["links"].append(name)
    except OSError:
        pass

found["network"] = []
for family, address in {
    socket.AF_INET: ("127.0.0.1", port), socket.AF_INET6: ("::1", port), socket.AF_VSOCK: (2, port),
    socket.AF_UNIX: "/var/run/docker.sock", socket.AF_PACKET: ("lo", 0), socket.AF_NETLINK: (0, 0),
}.items():
    try:
        with socket.socket(family, socket.SOCK_STREAM if family < 16 or family == 40 else socket.SOCK_RAW) as one:
            one.settimeout(1)
            one.connect(address)
        found["network"].append(str(family))
    except OSError:
        pass

c = ctypes.CDLL(None, use_errno=True)
found["traced"] = [name for name, result in {
    "attach": c.ptrace(16, server, 0, 0), "seize": c.ptrace(0x4206, server, 0, 0), "guard": c.ptrace(16, 1, 0, 0),
    "read": c.process_vm_readv(server, None, 0, None, 0, 0),
}.items() if result >= 0]

found["signalled"] = []
for victim in (1, server, -server, os.getppid()):
    try:
        os.kill(victim, signal.SIGKILL)
        found["signalled"].append(victim)
    except OSError:
        pass
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
return found
"""


@pytest.fixture
def spied(victim: Victim) -> dict[str, Any]:
    """What a program found out about its server; one run for all questions."""
    if not victim.spied:
        (victim.home / "beside").write_text(victim.token)
        (victim.home / "beside").chmod(0o644)
        victim.spied = victim.run(
            SPY,
            server=victim.process.pid,
            port=int(victim.endpoint["url"].split(":")[2].split("/")[0]),
            database=str(victim.database),
            needle=victim.token[::-1],
        )
    return victim.spied


def test_the_token_and_the_database(victim: Victim, spied: dict[str, Any]) -> None:
    """Neither environment, command lines, files nor descriptors hold them, wherever the program looks."""
    assert spied["holding"] == []
    assert spied["reached"] == []
    assert victim.database.exists()


def test_the_environment(spied: dict[str, Any]) -> None:
    assert set(spied["environment"]) == {
        "PATH", "LANG", "HOME", "TMPDIR", "QISKIT_PARALLEL", "MALLOC_ARENA_MAX",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS",
    }  # fmt: skip


def test_processes_of_the_server(spied: dict[str, Any]) -> None:
    assert len(spied["processes"]) <= 2  # the guard and the program


def test_signals(spied: dict[str, Any]) -> None:
    """The guard, whose parent is nobody in there, may be signalled, but takes no notice."""
    assert set(spied["signalled"]) <= {1}


def test_tracing(spied: dict[str, Any]) -> None:
    assert spied["traced"] == []


def test_links(victim: Victim, spied: dict[str, Any]) -> None:
    assert spied["links"] == []
    assert (PACKAGE / "__init__.py").exists()


def test_network(spied: dict[str, Any]) -> None:
    assert spied["network"] == []


@pytest.fixture(params=["this user", "no root"])
def forbidding(request: pytest.FixtureRequest) -> Callable[[str], Victim]:
    """Start servers that may make no namespaces, as in many containers."""
    other = request.param == "no root"
    if other and os.getuid() != 0:
        pytest.skip("these tests run as an ordinary user already: runs where they run as root")
    before = [*(as_somebody() if other else []), sys.executable, "-c", WITHOUT_NAMESPACES]

    def start(allow: str) -> Victim:
        victim = Victim(before, SOMEBODY if other else os.getuid(), allow)
        request.addfinalizer(victim.stop)
        return victim

    return start


def test_where_namespaces_are_forbidden_no_program_runs_but_the_servers_own(
    forbidding: Callable[[str], Victim],
) -> None:
    victim = forbidding("isolated")
    state = victim.end_of(victim.start("return 1"))
    own = victim.call("POST", "/jobs", json={"program_id": "hello-world", "params": {}}).json()["id"]

    assert state["status"] == "Failed"
    assert "cannot be isolated on this machine (namespaces: " in state["reason"]
    assert "--allow-programs trusted" in state["reason_solution"]
    state = victim.end_of(own)
    assert state["status"] == "Completed", state


def test_where_namespaces_are_forbidden_trusted_programs_have_limits_and_no_network(
    forbidding: Callable[[str], Victim],
) -> None:
    victim = forbidding("trusted")
    state = victim.end_of(victim.start("return 1"))
    if "only root can read the interpreter" in state.get("reason", ""):
        return  # then nothing runs, and the reason says so
    seen = victim.run(LIMITS)
    refused = victim.failure("import socket\nsocket.create_connection(('127.0.0.1', 9))")

    assert (seen["files"], seen["might"], seen["filter"]) == ([64, 64], 0, 2)
    assert seen["memory"][0] < 4 << 30
    assert seen["user"] != 0
    assert "Operation not permitted" in refused
    assert "more memory than its limit" in victim.failure("return bytearray(10 << 30)")
    name = "left" + secrets.token_hex(4)
    assert victim.run(LEAVE, name=name, stay=False) == "done"
    assert gone(name)
    assert "longer than 2 seconds" in victim.failure(LEAVE, name=name, stay=True, cost=2)
    assert gone(name)
