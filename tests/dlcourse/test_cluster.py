"""Real processes: what they print arrives, what goes wrong is said at once, and none is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import numpy as np
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import kernels
from dlcourse import cluster, cluster_script

QUICK = """
import json, os, sys, time
task = json.loads(os.environ["TF_CONFIG"])["task"]
print(json.dumps({"task": task, "arguments": sys.argv[2:]}), flush=True)
"""
SLEEP = "time.sleep(600)\n"


@pytest.fixture
def marker():
    """An argument by which this test's processes are known; afterwards none of them may run."""
    marker = uuid.uuid4().hex
    yield marker
    assert not running(marker)


def running(marker: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        at_work = process.info["status"] != psutil.STATUS_ZOMBIE
        if at_work and marker in (process.info["cmdline"] or []) and "cluster_member" in str(process.info["cmdline"]):
            found.append(process)
    return found


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    assert condition()


@pytest.fixture
def script(tmp_path):
    def write(more=""):
        path = tmp_path / "script.py"
        path.write_text(QUICK + more)
        return path

    return write


def test_each_member_learns_who_it_is_and_what_it_prints_arrives(script, marker):
    with cluster.Cluster(script(), workers=2, servers=1, arguments=[marker, 3]) as members:
        members.wait()
        wait_until(lambda: members.output("server 0"))
    assert [json.loads(members.output(name)[0])["task"] for name in ["worker 0", "worker 1", "server 0"]] == [
        {"type": "worker", "index": 0},
        {"type": "worker", "index": 1},
        {"type": "ps", "index": 0},
    ]
    assert json.loads(members.output("worker 1")[0])["arguments"] == ["3"]
    addresses = members.configurations["worker 0"]["cluster"]
    assert len({address for job in addresses.values() for address in job}) == 3


def test_with_a_chief_the_others_are_ended_when_it_is_done(script, marker):
    path = script("if task['type'] != 'chief': " + SLEEP)
    with cluster.Cluster(path, chief=True, workers=1, servers=1, arguments=[marker]) as members:
        members.wait()
        assert len(running(marker)) == 2


def test_killed_member_is_named_within_seconds(script, marker):
    with cluster.Cluster(script(SLEEP), workers=2, arguments=[marker]) as members:
        members.wait_for("worker 1", "task")
        members.kill("worker 1")
        killed = time.monotonic()
        with pytest.raises(cluster.ClusterError, match="worker 1 was killed by SIGKILL.*Its log is empty"):
            members.wait()
        assert time.monotonic() - killed < 5
        assert len(running(marker)) == 1


def test_member_that_fails_shows_the_end_of_its_log(script, marker):
    path = script("if task['index'] == 1: raise ValueError('no such shard')\n" + SLEEP)
    with (
        pytest.raises(cluster.ClusterError, match="worker 1 ended with exit code 1(?s:.*)ValueError: no such shard"),
        cluster.Cluster(path, workers=2, arguments=[marker]) as members,
    ):
        members.wait()


def test_text_that_never_comes_is_not_waited_for(script, marker):
    with (
        pytest.raises(cluster.ClusterError, match="worker 0 ended without having printed 'step 5'"),
        cluster.Cluster(script(), workers=1, arguments=[marker]) as members,
    ):
        members.wait_for("worker 0", "step 5")


def test_paused_member_goes_on_where_it_was(script, marker):
    with cluster.Cluster(script("time.sleep(1); print('done')"), workers=1, arguments=[marker]) as members:
        members.wait_for("worker 0", "task")
        members.pause("worker 0")
        time.sleep(1.5)
        assert len(members.output("worker 0")) == 1
        members.resume("worker 0")
        members.wait()
    assert members.output("worker 0")[1:] == ["done"]


def test_time_limit_is_said_and_kept(script, marker):
    with (
        pytest.raises(TimeoutError, match="worker 0 had not finished after 2 s"),
        cluster.Cluster(script(SLEEP), workers=1, arguments=[marker], seconds=2) as members,
    ):
        members.wait()


def test_members_keep_their_time_limit_by_themselves(script, marker):
    with cluster.Cluster(script(SLEEP), workers=1, arguments=[marker], seconds=1):
        wait_until(lambda: not running(marker))


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind_when_the_body_fails(script, marker, trouble):
    with pytest.raises(trouble), cluster.Cluster(script(SLEEP), workers=2, arguments=[marker]):
        raise trouble


def test_members_end_when_the_process_that_started_them_is_killed(script, marker, tmp_path):
    starter = tmp_path / "starter.py"
    starter.write_text(
        "from dlcourse import cluster\n"
        f"with cluster.Cluster({str(script(SLEEP))!r}, workers=2, arguments=[{marker!r}]) as members:\n"
        "    members.wait()\n"
    )
    process = subprocess.Popen([sys.executable, str(starter)])
    wait_until(lambda: len(running(marker)) == 2)
    process.kill()
    process.wait()
    wait_until(lambda: not running(marker))


WORKER = """
import json, os, sys, time
import tensorflow as tf

def main():
    here = json.loads(os.environ["TF_CONFIG"])
    server = tf.distribute.Server(here["cluster"], job_name="worker", task_index=here["task"]["index"])
    print("ready", flush=True)
    if sys.argv[2] == "forever":
        server.join()
"""


def notebook_with_a_cluster(marker: str, how: str, body: str) -> list[str]:
    return [
        WORKER + "from dlcourse import cluster\nscript = cluster.write_script('worker.py', main)",
        f"with cluster.Cluster(script, workers=2, arguments=[{marker!r}, {how!r}], seconds=120) as members:\n"
        "    for index in range(2):\n        members.wait_for(f'worker {index}', 'ready')\n"
        f"    print('started', flush=True)\n    {body}",
        "print('after')",
    ]


@pytest.mark.parametrize(
    "how, body, error",
    [
        ("once", "members.wait()", None),
        ("forever", "raise ValueError('oops')", "ValueError"),
        ("forever", "members.kill('worker 0'); members.wait()", "ClusterError"),
        ("forever", "members.wait()", kernels.TIME_IS_UP),
        ("forever", f"time.sleep(2); os.kill(os.getpid(), {int(signal.SIGKILL)})", "NotRun"),
    ],
    ids=["ends", "fails", "worker killed", "interrupted", "kernel killed"],
)
def test_no_tensorflow_process_is_alive_after_a_notebook(how, body, error, marker):
    cells = [new_code_cell(source) for source in notebook_with_a_cluster(marker, how, body)]
    limits = kernels.Limits(cell=40 if error == kernels.TIME_IS_UP else 120)
    kernels.execute(new_notebook(cells=cells), environment={}, limits=limits)
    assert [output.ename for output in cells[1].outputs if output.output_type == "error"] == ([error] if error else [])
    assert "started" in str(cells[1].outputs)
    if error == "NotRun":  # nobody was there to end them: they do it themselves
        wait_until(lambda: not running(marker))
    assert not running(marker)


def test_script_holds_what_its_main_uses(tmp_path):
    path = cluster.write_script(tmp_path / "job.py", main_of_a_job)
    text = path.read_text()
    compile(text, "job.py", "exec")
    assert text.index("SHARDS = 3") < text.index("def shard_sum(") < text.index("def main_of_a_job(")
    assert "import numpy as np" in text and "ARRAY" not in text
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 3, 6] 9\n"


SHARDS = 3
ARRAY = np.arange(3)


def shard_sum(values, shards: int = SHARDS) -> list:
    return np.asarray(values)[::shards].tolist()


def main_of_a_job():
    mine = shard_sum(range(9))
    print(mine, sum(mine))


def main_with_an_array():
    print(ARRAY)


def test_script_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(TypeError, match="main_with_an_array uses ARRAY, a ndarray.*make it inside the function"):
        cluster.write_script(tmp_path / "job.py", main_with_an_array)


def test_names_of_a_function_are_those_it_takes_from_outside():
    source = "@decorated\ndef f(a: Kind, b=DEFAULT):\n    local = a\n    return [outer(x, local.data) for x in b]"
    assert cluster_script.names_used(source) - {"f"} == {"decorated", "Kind", "DEFAULT", "outer"}


def test_mistakes_in_the_call_are_explained(script, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"script is .*nowhere\.py"):
        cluster.Cluster(tmp_path / "nowhere.py", workers=1)
    with pytest.raises(ValueError, match="needs workers, or a chief"):
        cluster.Cluster(script(), servers=1)
    with pytest.raises(KeyError, match="no member is called 'worker 7'; there are worker 0"):
        cluster.Cluster(script(), workers=1).output("worker 7")


def test_free_ports_differ():
    assert len(set(cluster.free_ports(50))) == 50
    assert os.environ.get("TF_CONFIG") is None
