"""The sandbox as jupyter_client's users meet it: its kernelspecs, its warm parent, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from autograder.kernels import Kernel, KernelLost
from autograder.runner import Job, run_job
from autograder.sandbox.limits import Limits
from autograder.sandbox.parent import NotForkSafe, Sandbox, SandboxedKernel, SandboxError
from autograder.sandbox.provisioner import WarmSandbox
from autograder.sandbox.trial import require_sandbox, try_sandbox

LOOK = """
import os, socket
print(os.getuid(), socket.gethostname(), os.getcwd(), sorted(os.listdir()))
"""


def result(cells: list[str], isolation: str = "warm", **more) -> dict:
    listed = [{"id": f"cell{n}", "source": source, "kind": "student"} for n, source in enumerate(cells)]
    job = Job("week01/01_doubling", listed, more.pop("checks", []), seed=3, isolation=isolation, **more)
    return json.loads(run_job(job.encoded()))


def printed(run: dict, cell: str) -> str:
    return "".join(output.get("text", "") for output in run["cells"][cell]["outputs"])


def errors(run: dict, cell: str) -> list[str]:
    return [output["ename"] for output in run["cells"][cell]["outputs"] if output["output_type"] == "error"]


@pytest.mark.parametrize("name", ["course-warm", "course-fresh"])
def test_nbclient_runs_a_notebook_in_the_sandbox_by_its_kernelspec(name):
    notebook = new_notebook(cells=[new_code_cell(LOOK), new_code_cell("1 / 0")])
    NotebookClient(notebook, kernel_name=name, allow_errors=True).execute()
    shown = notebook.cells[0].outputs[0].text.split()
    assert int(shown[0]) != os.getuid() and shown[1:] == ["sandbox", "/home/student/notebook", "[]"]
    assert notebook.cells[1].outputs[0].ename == "ZeroDivisionError"


def test_all_layers_hold_on_this_machine():
    assert try_sandbox() == []
    require_sandbox()


def test_both_isolations_see_the_same_machine():
    look = f"{LOOK}\nprint(sorted(os.environ), open('/proc/self/status').read().split('Seccomp')[1][:5])"
    assert printed(result([look], "warm"), "cell0") == printed(result([look], "fresh"), "cell0")


def test_files_lie_beside_the_notebook_and_nothing_else():
    run = result([LOOK, "print(open('data/points.csv').read())"], files={"data/points.csv": "MSwy"})
    assert "['data']" in printed(run, "cell0") and printed(run, "cell1") == "1,2\n"


def test_kernels_forked_from_one_parent_draw_different_numbers():
    draw = "import random, numpy\nprint(random.random(), numpy.random.random())"
    drawn = {printed(result([draw]), "cell0") for _ in range(3)}
    assert len(drawn) == 3


def test_tensorflow_is_warm_and_works():
    cells = ["import sys\nprint('tensorflow' in sys.modules)", "import tensorflow as tf\nprint(float(tf.ones(3)[0]))"]
    run = result(cells)
    assert printed(run, "cell0") == "True\n" and printed(run, "cell1") == "1.0\n"


def test_after_a_death_the_rest_goes_on_where_it_was():
    run = result(["x = 1", "import os; os._exit(1)", "x += 1\nprint(x)", "import os; os._exit(1)", "print(x)"])
    assert run["verdict"] == "kernel died" and run["reason"] == "its kernel died"
    assert printed(run, "cell2") == "2\n" and printed(run, "cell4") == "2\n"
    assert errors(run, "cell1") == errors(run, "cell3") == ["NotRun"]


def test_after_two_restarts_nothing_runs_any_more():
    run = result(["import os; os._exit(1)"] * 3 + ["print('here')"])
    assert [errors(run, f"cell{n}") for n in range(4)] == [["NotRun"]] * 4
    assert "died too often" in run["cells"]["cell3"]["not_run"]


def test_values_are_sent_again_after_a_death_among_the_checks():
    check = "check('x', x + check.rng().uniform())"
    cells = ["from dlcourse import check\nx = 1"]
    die = "import os; os._exit(1)"
    sources = {"a": check, "b": die, "c": check}
    run = result(cells, checks=[{"id": i, "source": s, "exercise": i} for i, s in sources.items()])
    values = [[record["value"] for record in run["checks"][name]["values"]] for name in "abc"]
    assert values[0] == values[2] != [] and values[1] == []


def test_message_that_no_kernel_sends_ends_that_kernel_only():
    forge = "from IPython import get_ipython\nget_ipython().kernel.session.key = b'another'\nprint('forged')"
    run = result(["y = 1", forge, "print(y)"])
    assert run["verdict"] == "rejected" and printed(run, "cell2") == "1\n"


@pytest.fixture
def unsafe_parent(monkeypatch):
    """A warm parent that has a second thread."""
    monkeypatch.setattr(WarmSandbox, "sandbox", None)
    monkeypatch.setattr(WarmSandbox, "not_safe", None)
    real = Sandbox.wait_until_ready

    def wait(sandbox):
        real(sandbox)
        if sandbox is WarmSandbox.sandbox:
            raise NotForkSafe("the warm parent is not safe to fork: it has 2 threads")

    monkeypatch.setattr(Sandbox, "wait_until_ready", wait)


def test_parent_that_is_not_fork_safe_gives_way_to_cold_kernels_and_says_so(unsafe_parent):
    run = result(["print('here')"])
    assert printed(run, "cell0") == "here\n"
    assert run["notes"] == ["started cold: the warm parent is not safe to fork: it has 2 threads"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "2 threads"),
        ("import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'", "a GPU is visible"),
        ("import tensorflow as tf\ntf.constant(1.0)", "threads|TensorFlow was used"),
    ],
)
def test_launcher_knows_when_it_may_not_be_forked(code, reason):
    package = Path(__file__).parents[2] / "autograder" / "sandbox"
    program = "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '-1'\nfrom inside.launcher import not_fork_safe\n"
    program += f"assert not_fork_safe() is None\n{code}\nprint(not_fork_safe())"
    environment = os.environ | {"PYTHONPATH": str(package), "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert any(part in done.stdout for part in reason.split("|")), done.stdout


def test_launcher_that_is_gone_is_started_again():
    assert printed(result(["print(1)"]), "cell0") == "1\n"
    first = WarmSandbox.sandbox
    first.process.kill()
    first.process.wait()
    assert printed(result(["print(2)"]), "cell0") == "2\n"
    assert WarmSandbox.sandbox is not first


def test_kernel_that_does_not_start_is_an_error_with_its_reason():
    sandbox = Sandbox.start(warm=False)
    try:
        with pytest.raises(SandboxError, match="could not be confined.*No such file"):
            sandbox.start_kernel({"ip": f"{sandbox.runtime}/nowhere/kernel"}, {}, {}, Limits())
    finally:
        sandbox.close()


GRADER = """
import sys
from autograder.kernels import Kernel
kernel = Kernel(sys.argv[1], environment={})
print("ready", flush=True)
kernel.run("import os, time\\nif os.fork() == 0:\\n    os.setsid()\\ntime.sleep(600)", 600)
"""


@pytest.mark.parametrize("isolation", ["warm", "fresh"])
def test_nothing_is_left_of_a_grader_that_was_killed(isolation):
    grader = psutil.Popen([sys.executable, "-c", GRADER, isolation], stdout=subprocess.PIPE, text=True)
    assert grader.stdout.readline() == "ready\n"
    time.sleep(1)
    family = grader.children(recursive=True)
    assert len(family) > 3
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    assert psutil.wait_procs(family, timeout=10)[1] == []
    Sandbox.start(warm=False).close()  # the next one puts away the folders
    assert not list(Path("/tmp").glob(f"course-sandbox-{grader.pid}-*"))


def test_lost_kernel_keeps_what_its_cell_had_shown():
    kernel = Kernel("warm", environment={})
    try:
        with pytest.raises(KernelLost) as lost:
            kernel.run("print('before', flush=True)\nimport os, time\ntime.sleep(0.5)\nos._exit(1)", 10)
    finally:
        kernel.close()
    assert lost.value.why == "kernel died" and lost.value.outputs[0]["text"] == "before\n"


def test_output_of_a_notebook_keeps_nbformats_form():
    shown = "from IPython.display import display, HTML\nhandle = display(HTML('<b>one</b>'), display_id=True)"
    run = result([shown, "handle.update(HTML('<b>two</b>'))", "3 * 14", "print('a')\nprint('b')"])
    cells = [new_code_cell("", outputs=nbformat.from_dict(cell["outputs"])) for cell in run["cells"].values()]
    nbformat.validate(new_notebook(cells=cells))
    assert run["cells"]["cell0"]["outputs"][0]["data"]["text/html"] == "<b>two</b>"
    assert run["cells"]["cell2"]["outputs"][0]["data"]["text/plain"] == "42"
    assert [output["text"] for output in run["cells"]["cell3"]["outputs"]] == ["a\nb\n"]


AS_ORDINARY_USER = """
import json, os
from autograder.runner import Job, run_job
from autograder.sandbox.trial import try_sandbox
cells = [{"id": "a", "source": "print(open('/proc/self/status').read())", "kind": "student"}]
run = json.loads(run_job(Job("week01/01_doubling", cells, [], seed=1).encoded()))
print(json.dumps([os.getuid(), try_sandbox(), run["cells"]["a"]["outputs"][0]["text"]]))
"""

# Some folders of this machine may be for root only, the interpreter's for instance: here the user may pass through.
BECOME_ORDINARY_USER = """
set -e
kept=$(mktemp -d)
mount --bind "$2" "$kept"
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir -p "$2"
mount --bind "$kept" "$2"
shift 2
exec setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
"""


def test_ordinary_user_has_the_same_sandbox():
    """Started by root, the grader becomes nobody; started by anybody else, it makes a user namespace."""
    command = [sys.executable, "-c", AS_ORDINARY_USER]
    if os.getuid() == 0:
        python = Path(sys.base_prefix)
        closed = [folder for folder in [*reversed(python.parents), python] if not folder.stat().st_mode & 1]
        if closed:
            become = ["unshare", "--mount", "sh", "-c", BECOME_ORDINARY_USER, "sh", str(closed[0]), str(python)]
        else:
            become = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--bounding-set=-all"]
        command = [*become, *command]
    environment = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    user, possible, status = json.loads(done.stdout.splitlines()[-1])
    assert user != 0 and possible == []
    for line in ["Uid:\t64030\t64030\t64030\t64030", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]:
        assert line in status


def test_jobs_in_threads_of_one_process_share_its_warm_sandbox(monkeypatch):
    """As in a Dask worker with several threads."""
    before = set(sandbox_folders())
    monkeypatch.setattr(WarmSandbox, "sandbox", None)
    with ThreadPoolExecutor(3) as threads:
        runs = list(threads.map(lambda number: result([f"print({number})"]), range(6)))
    assert [printed(run, "cell0") for run in runs] == [f"{number}\n" for number in range(6)]
    assert len({folder for folder in sandbox_folders() if folder.name.startswith("course-sandbox-")} - before) == 1
    WarmSandbox.sandbox.close()


@pytest.mark.parametrize("isolation", ["warm", "fresh"])
def test_kernel_that_cannot_be_started_leaves_nothing(isolation, monkeypatch):
    result(["x = 1"])
    before = sandbox_folders()
    monkeypatch.setattr(SandboxedKernel, "wait_until_ready", fail_to_start)
    with pytest.raises(SandboxError, match="did not start"):
        result(["x = 1"], isolation)
    assert sandbox_folders() == before


def fail_to_start(kernel: SandboxedKernel) -> None:
    raise SandboxError("a kernel did not start in the sandbox")


def sandbox_folders() -> list[Path]:
    """Those of this process's sandboxes and of the kernels in them."""
    return sorted(Path(tempfile.gettempdir()).glob(f"course-sandbox-{os.getpid()}-*/**/"))
