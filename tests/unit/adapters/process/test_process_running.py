"""Commands of the user's: real processes, ended by every death there is."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlci.adapters.process import memory, output, running
from mlci.adapters.process.running import Order, run
from mlci.domain.training import Usage
from mlci.errors import CommandFailed, CommandOutOfMemory, CommandTimedOut, FileMissing, MlciError, NotWritable

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and subreapers")

Run = Callable[..., Usage]


@pytest.fixture(name="order")
def _order(tmp_path: Path) -> Callable[..., Order]:
    def order(*argv: str, **given: object) -> Order:
        fields: dict[str, object] = {
            "argv": argv,
            "cwd": str(tmp_path),
            "environ": {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
            "timeout": 20.0,
            "what": "training",
            "log": str(tmp_path / "logs" / "log.txt"),
            "grace": 0.5,
        }
        return Order(**(fields | given))  # type: ignore[arg-type]

    return order


@pytest.fixture(name="go")
def _go(order: Callable[..., Order]) -> Run:
    return lambda *argv, say=lambda _: None, **given: run(order(*argv, **given), say)


def bash(script: str) -> tuple[str, ...]:
    return ("bash", "-c", script)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", script)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(what: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return what()


# A command, a child that does not listen to SIGTERM, and a grandchild that left for a session of its own. Each
# writes its number.
FAMILY = """
import os, signal, sys, time
def note():
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note()
    time.sleep(300)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note()
        time.sleep(300)
    os._exit(0)
note()
while len(open("pids").readlines()) < 3:
    time.sleep(0.01)
open("ready", "w").close()
"""

# A program that stands for mlci: it turns SIGTERM into KeyboardInterrupt as mlci does, and ends with 130.
CALLER = """
import json, signal, sys
from mlci.adapters.process.running import Order, run
def interrupted(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupted)
order = json.loads(sys.argv[1])
order["argv"] = tuple(order["argv"])
try:
    run(Order(**order), lambda line: None)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(name="caller")
def _caller(order: Callable[..., Order], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a process that runs an order, once its command is ready; end all there is afterwards."""
    callers: list[subprocess.Popen[bytes]] = []

    def caller(*argv: str, **given: object) -> subprocess.Popen[bytes]:
        fields = json.dumps(vars(order(*argv, **given)))
        environ = os.environ | {"PYTHONPATH": str(Path(running.__file__).parents[3])}
        callers.append(subprocess.Popen([sys.executable, "-c", CALLER, fields], env=environ, stderr=subprocess.PIPE))
        assert wait_for((tmp_path / "ready").exists)
        return callers[-1]

    yield caller
    for process in callers:
        process.kill()
        process.communicate()
    for pid in pids_in(tmp_path):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def pids_in(folder: Path) -> list[int]:
    file = folder / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def nobody_is_left(folder: Path) -> bool:
    pids = pids_in(folder)
    assert len(pids) == 3
    return not any(map(is_alive, pids))


# Deaths.


@linux
def test_nothing_outlives_a_kill_of_mlci(caller: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    mlci = caller(*python(FAMILY + "time.sleep(300)"))

    mlci.kill()

    assert wait_for(lambda: nobody_is_left(tmp_path), 4)


@linux
def test_nothing_outlives_a_kill_of_the_supervisor(go: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="the process that watched over it"):
        go(*python(FAMILY + "os.kill(os.getppid(), signal.SIGKILL); time.sleep(300)"))

    assert nobody_is_left(tmp_path)


@linux
def test_with_neither_mlci_nor_supervisor_the_command_itself_ends(
    caller: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    mlci = caller(*bash("echo $$ $PPID > pids; touch ready; exec sleep 300"))
    command, watcher = pids_in(tmp_path)
    mlci.send_signal(signal.SIGSTOP)

    os.kill(watcher, signal.SIGKILL)

    assert wait_for(lambda: not is_alive(command))


@linux
def test_what_a_command_leaves_running_is_ended_and_no_error(go: Run, tmp_path: Path) -> None:
    assert go(*python(FAMILY)).seconds < 10

    assert nobody_is_left(tmp_path)


def test_the_end_of_a_pipe_may_finish_after_the_command(go: Run, tmp_path: Path) -> None:
    go(*bash("echo hello > >(sleep 0.1; cat > late)"))

    assert (tmp_path / "late").read_text() == "hello\n"


CHECKPOINT = """
import signal, sys, time, pathlib
def save(*_):
    time.sleep({seconds})
    pathlib.Path("checkpoint").write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
pathlib.Path("ready").touch()
time.sleep(300)
"""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_command_has_its_grace_for_a_checkpoint(
    caller: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, signum: int
) -> None:
    mlci = caller(*python(CHECKPOINT.format(seconds=0.2)), grace=5.0)

    mlci.send_signal(signum)

    assert mlci.wait(5) == 130
    assert (tmp_path / "checkpoint").read_text() == "saved"


def test_a_second_interrupt_ends_the_grace(caller: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    mlci = caller(*python(CHECKPOINT.format(seconds=60)), grace=60.0)

    mlci.send_signal(signal.SIGINT)
    time.sleep(0.3)
    mlci.send_signal(signal.SIGTERM)

    assert mlci.wait(3) == 130
    assert not (tmp_path / "checkpoint").exists()


def test_whatever_goes_wrong_meanwhile_the_command_is_ended(
    go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(line: str) -> None:
        raise RuntimeError(line)

    monkeypatch.setattr(running, "SILENCE", 0.5)

    with pytest.raises(RuntimeError, match="training"):
        go(*bash("echo $$ > pids; exec sleep 300"), say=broken)

    assert not is_alive(int((tmp_path / "pids").read_text()))


def test_a_command_that_takes_too_long_is_stopped(go: Run, tmp_path: Path) -> None:
    with pytest.raises(
        CommandTimedOut, match=r"training took longer than the 1\.00 s it may and was stopped"
    ) as raised:
        go(*python("print('epoch 1')\n" + CHECKPOINT.format(seconds=0)), timeout=1.0)

    assert "epoch 1" in str(raised.value.help)
    assert (tmp_path / "checkpoint").exists()


def test_a_command_that_does_not_listen_is_killed(go: Run) -> None:
    started = time.monotonic()

    with pytest.raises(CommandTimedOut, match="had to be killed"):
        go(*bash("trap '' TERM; while :; do sleep 0.05; done"), timeout=0.5, grace=0.3)

    assert time.monotonic() - started < 3


# How a command ends.


def test_status_and_last_lines_are_in_the_error(go: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as raised:
        go(*bash("for i in $(seq 30); do echo line $i; done; printf '\\033[31mbad\\033[0m\\a\\r\\n' >&2; exit 3"))

    assert re.fullmatch(r"training ended with exit status 3 after \S+ s: bad\ufffd", raised.value.cause)
    assert str(raised.value.place) == str(tmp_path / "logs" / "log.txt")
    lines = str(raised.value.help).splitlines()[1:]
    assert [line.strip() for line in lines] == [f"line {i}" for i in range(12, 31)] + ["bad\ufffd"]


def test_a_long_line_is_cut_and_a_progress_bar_shows_its_last_state(go: Run) -> None:
    with pytest.raises(CommandFailed) as raised:
        go(*python("print('x' * 5000)\nfor i in range(50): print(f'\\r{i} of 50', end='')\nraise SystemExit(1)"))

    _, cut, bar = str(raised.value.help).splitlines()
    assert (len(cut.strip()), cut[-1], bar.strip()) == (300, "…", "49 of 50")


@pytest.mark.parametrize(("script", "cause"), [("kill -SEGV $$", "SIGSEGV"), ("kill -TERM $$", "SIGTERM")])
def test_a_signal_is_named(go: Run, script: str, cause: str) -> None:
    with pytest.raises(CommandFailed, match=f"training was ended by {cause} after"):
        go(*bash(script))


@pytest.mark.parametrize(
    "command",
    [
        python("import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30,) * 2)\nbytearray(2 << 30)"),
        bash("kill -9 $$"),
        bash("sleep 5 & kill -9 $!; wait $!"),
        bash("echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB'; exit 1"),
        bash("echo \"terminate called after throwing an instance of 'std::bad_alloc'\" >&2; kill -ABRT $$"),
    ],
)
def test_want_of_memory_is_told_apart(go: Run, command: tuple[str, ...]) -> None:
    with pytest.raises(CommandOutOfMemory, match=r"its largest process had taken \S+ MiB"):
        go(*command)


def test_a_process_that_the_kernel_ended_for_memory_is_told_apart(go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([4, 5, 5, 5])
    monkeypatch.setattr(running, "kills", lambda: next(counts))

    with pytest.raises(CommandOutOfMemory, match="ran out of memory and ended with exit status 1"):
        go(*bash("exit 1"))
    with pytest.raises(CommandFailed):
        go(*bash("exit 1"))


def test_the_kernels_count_is_read_in_both_layouts(tmp_path: Path) -> None:
    group = tmp_path / "cgroup"
    group.write_text("5:cpu,memory:/a/b\n0::/c\n")
    assert memory.kills(str(group), str(tmp_path)) == 0

    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "memory.events").write_text("oom 9\noom_kill 7\noom_group_kill 0\n")
    assert memory.kills(str(group), str(tmp_path)) == 7

    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    assert memory.kills(str(group), str(tmp_path)) == 2


def test_words_about_memory_do_not_fail_a_command(go: Run) -> None:
    assert go(*bash("echo 'CUDA out of memory, trying smaller batches'")).seconds > 0


@pytest.mark.parametrize(
    ("command", "given", "cause"),
    [
        (("no-such-program",), {}, "'no-such-program': No such file"),
        (("./data",), {}, "Permission denied"),
        (("true",), {"cwd": "/no/such/folder"}, "cannot be started in /no/such/folder"),
    ],
)
def test_what_is_not_there_is_named(
    go: Run, tmp_path: Path, command: tuple[str, ...], given: dict[str, str], cause: str
) -> None:
    (tmp_path / "data").write_text("1")

    with pytest.raises(FileMissing, match=cause):
        go(*command, **given)


@pytest.mark.parametrize(
    ("command", "given"),
    [
        ((), {}),
        (("",), {}),
        (("true", "a\0b"), {}),
        (("true", "\ud800"), {}),
        (("true",), {"environ": {"": "x"}}),
        (("true", "x" * (4 << 20)), {}),
        (("./program",), {}),
    ],
)
def test_what_cannot_be_started_is_one_error(
    go: Run, tmp_path: Path, command: tuple[str, ...], given: dict[str, object]
) -> None:
    (tmp_path / "program").write_bytes(b"\x7fno format\0")
    (tmp_path / "program").chmod(0o755)

    with pytest.raises(CommandFailed, match=r"training (has no command|cannot be started)"):
        go(*command, **given)


# What it is started in, and what it took.


@linux
def test_the_environment_is_the_orders_alone(go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter2222")
    environ = {"PATH": os.environ["PATH"], "NAME": "\udcff of bytes = \n", "LANG": "C"}

    go("bash", "-c", "cat /proc/self/environ /proc/$PPID/environ", environ=environ, shown=False)

    log = (tmp_path / "logs" / "log.txt").read_bytes()
    assert b"NAME=\xff of bytes = \n\0" in log
    assert b"hunter2222" not in log
    assert b"LC_CTYPE" not in log.partition(b"NAME=")[2].partition(b"\0\0")[0]


@linux
def test_nothing_is_inherited_but_output(go: Run, tmp_path: Path) -> None:
    go(*bash("cat; ls -l /proc/self/fd | wc -l; grep -E 'SigIgn|SigBlk' /proc/self/status; ps -o sid= -p $$; echo $$"))

    entries, blocked, ignored, session, pid = (tmp_path / "logs" / "log.txt").read_text().splitlines()
    # Header, 0, 1, 2, and the folder that ls itself reads.
    assert int(entries) == 5
    # Signals 32 and 33 are the C library's own: whoever started this process may ignore them, and nobody can undo it.
    own = 0b11 << 31
    assert (int(blocked.split()[1], 16), int(ignored.split()[1], 16) & ~own) == (0, 0)
    assert session.strip() == pid


def test_usage_counts_what_children_took(go: Run) -> None:
    burn = "import time; x = bytearray(200 << 20)\nwhile time.process_time() < 0.3: pass"

    usage = go("bash", "-c", f"{sys.executable} -S -c '{burn}'; true")

    assert usage.cpu_seconds >= 0.3
    assert usage.seconds >= 0.3
    assert 200 << 20 <= usage.peak_memory < 400 << 20


# What it prints.


def test_everything_printed_is_shown_and_kept_byte_for_byte(
    go: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITLAB_CI", raising=False)

    go(*bash("printf 'a\\xff\\x00b\\n'; printf 'err\\rend' >&2"))

    assert (tmp_path / "logs" / "log.txt").read_bytes() == b"a\xff\0b\nerr\rend"
    assert capfdbinary.readouterr() == (b"", b"a\xff\0b\nerr\rend\n")


def test_it_is_shown_while_it_runs(go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[float] = []
    monkeypatch.setattr(output, "show", lambda _: shown.append(time.monotonic()) or True)

    go(*bash("echo one; sleep 0.4; echo two"))

    assert shown[-1] - shown[0] > 0.2


@pytest.mark.parametrize("script", ["echo '::error::x'; echo '##[add-path]/tmp'; printf x", "echo ::set-env::; exit 1"])
def test_a_runner_obeys_nothing_that_is_printed(
    go: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    words = []
    for _ in range(2):
        with contextlib.suppress(CommandFailed):
            go(*bash(script + "; env; tr '\\0' ' ' < /proc/$PPID/cmdline"))
        group, stop, *printed, start, end = capfd.readouterr().err.splitlines()
        word = stop.removeprefix("::stop-commands::")
        assert (group, start, end) == ("::group::training", f"::{word}::", "::endgroup::")
        assert len(word) >= 20
        assert printed
        assert not any(word in line for line in printed)
        words.append(word)
    assert len(set(words)) == 2


def test_on_gitlab_what_is_printed_is_a_section_that_it_cannot_end(
    go: Run, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITLAB_CI", "true")
    with contextlib.suppress(CommandFailed):
        go(*bash("echo x; env; tr '\\0' ' ' < /proc/$PPID/cmdline; exit 1"))
    begin, *printed, end = capfd.readouterr().err.split("\n")[:-1]
    opened = re.fullmatch(r"\x1b\[0Ksection_start:\d{10}:(?P<name>mlci_[0-9a-f]{32})\r\x1b\[0Ktraining", begin)
    closed = re.fullmatch(r"\x1b\[0Ksection_end:\d{10}:(?P<name>mlci_[0-9a-f]{32})\r\x1b\[0K", end)
    assert opened is not None
    assert closed is not None
    assert opened["name"] == closed["name"]
    assert printed
    assert not any(opened["name"] in line for line in printed)


@linux
def test_what_is_still_in_the_pipe_when_all_have_ended_is_read(
    go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "show", lambda _: time.sleep(0.05) or True)
    larger = "import fcntl, os; fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20); os.write(1, b'x' * (1 << 20))"

    go(*python(larger))

    assert (tmp_path / "logs" / "log.txt").read_bytes().count(b"x") == 1 << 20


def test_what_is_not_to_be_shown_is_kept_all_the_same(
    go: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    go(*bash("echo quiet"), shown=False)

    assert (tmp_path / "logs" / "log.txt").read_text() == "quiet\n"
    assert capfd.readouterr().err == ""


FLOOD = """
import json, resource, sys
from mlci.adapters.process.running import Order, run
order = json.loads(sys.argv[1])
order["argv"] = tuple(order["argv"])
run(Order(**order | {"argv": ("true",)}), print)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run(Order(**order), print)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@linux
@pytest.mark.parametrize("command", ["yes | head -c 100000000; echo; echo the end", "head -c 100000000 /dev/zero"])
def test_a_flood_takes_no_memory_and_no_disk_without_bound(
    order: Callable[..., Order], tmp_path: Path, command: str
) -> None:
    environ = os.environ | {"PYTHONPATH": str(Path(running.__file__).parents[3]), "GITHUB_ACTIONS": "false"}
    asked = [sys.executable, "-c", FLOOD, json.dumps(vars(order(*bash(command))))]
    ran = subprocess.run(asked, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)

    # KiB.
    assert int(ran.stdout) < 8 << 10
    log = tmp_path / "logs" / "log.txt"
    assert output.LARGEST_LOG < log.stat().st_size < output.LARGEST_LOG + (1 << 17)
    with log.open("rb") as stream:
        stream.seek(-200, os.SEEK_END)
        assert stream.read().endswith(b"the end\n\n" if "end" in command else b"\0\n")


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    printed = output.Output(str(tmp_path / "log"), is_shown=False)
    for _ in range(8):
        printed.take(b"x" * 32768)
    printed.close()

    assert [len(line) for line in (tmp_path / "log").read_bytes().split(b"\n")] == [65536] * 4 + [0]


def test_nobody_reading_is_no_reason_to_stop(go: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as closed:
        monkeypatch.setattr(sys, "stderr", closed)
        go(*bash("echo one; sleep 0.1; echo two"))
        with contextlib.suppress(OSError):
            closed.close()

    assert (tmp_path / "logs" / "log.txt").read_text() == "one\ntwo\n"


def test_the_log_is_never_written_through_a_link(go: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    log = tmp_path / "log"
    log.symlink_to(other)

    go("true", log=str(log))

    assert (other.read_text(), log.is_symlink()) == ("mine", False)


def test_a_log_that_cannot_be_made_is_one_error_before_anything_runs(go: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(NotWritable):
        go(*bash("touch ran"), log=str(tmp_path / "file" / "log"))

    assert not (tmp_path / "ran").exists()


def test_silence_is_broken_by_a_word_on_how_it_goes(go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SILENCE", 0.5)
    monkeypatch.setattr(running, "AGAIN", 0.7)
    said: list[str] = []

    go(*bash("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done"), say=said.append)
    assert said == []

    go(*bash("sleep 1.4"), say=said.append)
    assert len(said) == 2
    assert re.fullmatch(r"training: \d\.\d+ s, \S+ MiB", said[0])


def test_every_error_of_a_command_has_the_code_of_the_users_own_commands(go: Run) -> None:
    with pytest.raises(MlciError) as raised:
        go("false")

    assert (raised.value.id, raised.value.exit) == ("T001", 14)
