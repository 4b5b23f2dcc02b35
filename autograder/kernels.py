"""The one place where code of a notebook is run: a kernel, a request at a time, and whole notebooks."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from autograder.sandbox.limits import Limits
from autograder.sandbox.parent import Ending

if TYPE_CHECKING:  # nbformat takes a second to import, and a worker can do without
    from nbformat import NotebookNode

DEMO = "demo"  # tag of the cells that grading leaves out

NONE = "none"
KERNELSPECS = {"warm": "course-warm", "fresh": "course-fresh", NONE: "python3"}

TIME_IS_UP = "CellTimeout"
DEEPEST = 50  # nested lists and objects in a message
GRACE = 5  # seconds that an interrupted cell may take to end
DEFAULT_LIMITS = Limits()
LOST = {"kernel died": "the kernel died", "timed out": "the kernel did not answer"}
START = 60  # seconds that a kernel may take to answer
DYING = 0.5  # seconds between the end of a dying kernel's connections and its own
LONGEST = 2**24  # bytes by which one message may exceed what is left, to be read and counted
OBJECTS = 200_000  # in one message
SHOWN_KIND = re.compile(r"(text|image|application)/[\w.+-]{1,60}(?<!json)")
OWN_KINDS = {"application/vnd.dlcourse.check+json", "application/vnd.dlcourse.claim+json"}
LOOK = 0.2  # seconds between two looks whether a kernel without a sandbox lives

# The few variables that a kernel without a sandbox gets: nothing else of the caller's environment reaches it.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "JUPYTER_PATH", "JUPYTER_DATA_DIR")
ALIKE = {"OPENBLAS_NUM_THREADS": "1"}  # what changes rounding is the same in every isolation


class KernelLost(Exception):
    """The kernel is gone or of no use any more.

    Attributes:
        why: "kernel died", "memory", "output", "timed out" or "rejected".
        outputs: what the cell had given until then.
    """

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why
        self.outputs: list[dict] = []


def kernelspecs() -> KernelSpecManager:
    """Jupyter's kernelspecs, and the sandbox's, whether they were installed or not."""
    manager = KernelSpecManager()
    manager.kernel_dirs = [str(Path(__file__).parent / "kernelspecs"), *manager.kernel_dirs]
    return manager


@dataclass
class Reply:
    """What one request gave: outputs as in a notebook, and the kernel's answer."""

    status: str = "aborted"  # of the kernel's answer: "ok" or "error"
    ename: str = ""
    evalue: str = ""
    count: int | None = None  # the number in In[number]
    timed_out: bool = False
    outputs: list[dict] = field(default_factory=list)


class Kernel:
    """A running kernel. `output_left` is how many bytes it may still send."""

    def __init__(
        self,
        isolation: str,
        *,
        environment: dict[str, str],
        files: dict[str, bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ):
        self.limits = limits
        self.output_left = limits.output
        self.displays: dict[str, list[dict]] = {}
        self.folder = tempfile.TemporaryDirectory(prefix="course-run-") if isolation == NONE else None
        self.manager = KernelManager(kernel_name=KERNELSPECS[isolation], kernel_spec_manager=kernelspecs())
        if self.folder:
            self.start_in_the_open(environment, files or {})
        else:
            self.manager.start_kernel(environment=environment, files=files or {}, limits=limits)
        self.client = self.manager.client()
        self.client.context.setsockopt(zmq.MAXMSGSIZE, limits.output + LONGEST)  # of the sockets made from now on
        self.client.start_channels(stdin=False, hb=False, control=False)
        self.sockets = {"shell": self.client.shell_channel.socket, "iopub": self.client.iopub_channel.socket}
        self.breaks = [socket.get_monitor_socket(zmq.EVENT_DISCONNECTED) for socket in self.sockets.values()]
        try:
            self.wait_for_answer()
        except BaseException:
            self.close()
            raise

    def start_in_the_open(self, environment: dict[str, str], files: dict[str, bytes]) -> None:
        for name, content in files.items():
            path = os.path.join(self.folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.manager.start_kernel(
            env=kept | ALIKE | environment, cwd=self.folder.name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @property
    def sandboxed(self):
        """The kernel's first process in the sandbox; None without a sandbox."""
        return getattr(self.manager.provisioner, "kernel", None)

    @property
    def cold_because(self) -> str | None:
        return getattr(self.manager.provisioner, "cold_because", None)

    def wait_for_answer(self) -> None:
        """Until the kernel answers and its outputs arrive: jupyter_client's own way waits a fifth of a second more."""
        deadline = time.monotonic() + START
        asked = self.client.kernel_info()
        replied = subscribed = False
        while not (replied and subscribed):
            for name, message in self.messages(deadline):
                replied |= name == "shell" and message["parent_header"].get("msg_id") == asked
                subscribed |= name == "iopub"
            if not subscribed and replied:
                asked, replied = self.client.kernel_info(), False  # the first answer came before the subscription
            if time.monotonic() > deadline:
                raise KernelLost("kernel died")

    def messages(self, deadline: float) -> list[tuple[str, dict]]:
        """What has arrived, waiting for it until the deadline at most. Raises KernelLost when the kernel is gone."""
        poller = zmq.Poller()
        for socket in [*self.sockets.values(), *self.breaks]:
            poller.register(socket, zmq.POLLIN)
        if self.sandboxed:
            poller.register(self.sandboxed.channel, zmq.POLLIN)
        left = max(0.0, deadline - time.monotonic())
        ready = dict(poller.poll(1000 * (left if self.sandboxed else min(left, LOOK))))
        arrived = [(name, self.read(socket)) for name, socket in self.sockets.items() if socket in ready]
        if not arrived and not self.is_alive():
            raise KernelLost(self.cause_of_death())
        if not arrived and any(socket in ready for socket in self.breaks):
            self.judge_break()
        return arrived

    def judge_break(self) -> None:
        """A connection has ended: because the kernel is dying, or because it sent a message that was too long."""
        deadline = time.monotonic() + DYING
        while time.monotonic() < deadline:
            if not self.is_alive():
                raise KernelLost(self.cause_of_death())
            time.sleep(0.01)
        raise KernelLost("output")

    def read(self, socket: zmq.Socket) -> dict:
        """One message. Whatever it is, it comes from the student's process: only plain data is made of it."""
        frames = socket.recv_multipart()
        self.charge(sum(map(len, frames)))
        if sum(map(objects, frames)) > OBJECTS:
            raise KernelLost("output")
        session = self.client.session
        try:
            message = session.deserialize(session.feed_identities(frames)[1])
            if isinstance(message["content"], dict) and isinstance(message["parent_header"], dict):
                refuse_unstorable(message["content"])
                return message
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            pass
        raise KernelLost("rejected")

    def charge(self, size: int) -> None:
        """Take so many bytes from what the kernel may still send."""
        self.output_left -= size
        if self.output_left < 0:
            raise KernelLost("output")

    def is_alive(self) -> bool:
        return self.manager.is_alive()

    def cause_of_death(self) -> str:
        ending = self.sandboxed and self.sandboxed.ending
        return (ending and ending.exceeded) or "kernel died"

    def run(self, source: str, seconds: float, *, history: bool = True) -> Reply:
        """Run some code; after `seconds` it is interrupted.

        Raises:
            KernelLost: the kernel died, was ended for what it used, or did not even stop when it was interrupted.
        """
        collected = Reply()
        asked = self.client.execute(source, store_history=history, allow_stdin=False, stop_on_error=False)
        deadline = time.monotonic() + seconds
        try:
            return self.follow(asked, deadline, collected)
        except KernelLost as lost:
            lost.outputs = collected.outputs if lost.why != "output" else []
            raise

    def follow(self, asked: str, deadline: float, collected: Reply) -> Reply:
        """Listen until a request is answered and all that it shows has come."""
        reply, idle, interrupted = None, False, False
        while not (reply and idle):
            for name, message in self.messages(deadline):
                if message["parent_header"].get("msg_id") != asked:
                    continue
                if name == "shell" and message["msg_type"] == "execute_reply":
                    reply = message["content"]
                elif name == "iopub" and message["msg_type"] == "status":
                    idle = idle or message["content"].get("execution_state") == "idle"
                elif name == "iopub":
                    self.add_output(collected.outputs, message)
            if time.monotonic() > deadline and not (reply and idle):
                if interrupted:
                    raise KernelLost("timed out")
                interrupted, deadline = True, time.monotonic() + GRACE
                self.manager.interrupt_kernel()
        return finish(collected, reply, interrupted)

    def add_output(self, outputs: list[dict], message: dict) -> None:
        """Put a message into the outputs, as a notebook keeps it."""
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            outputs.clear()
        elif kind == "update_display_data":
            for shown in self.displays.get(display_id(content), []):
                self.charge(sum(map(len, map(str, bundle(content)["data"].values()))))
                shown |= bundle(content)
        elif kind in ("stream", "display_data", "execute_result", "error"):
            output = output_of(kind, content)
            last = outputs[-1] if outputs else {}
            if kind == "stream" and last.get("output_type") == "stream" and last["name"] == output["name"]:
                last["text"] += output["text"]
                return
            outputs.append(output)
            if kind == "display_data" and display_id(content):
                self.displays.setdefault(display_id(content), []).append(output)

    def close(self) -> Ending:
        """End the kernel and all its processes."""
        sandboxed = self.sandboxed
        for socket in self.sockets.values():
            socket.disable_monitor()
        self.client.stop_channels()
        self.client.context.destroy(linger=0)
        ending = sandboxed.close() if sandboxed else Ending(None)
        self.manager.shutdown_kernel(now=True)
        if self.folder:
            self.folder.cleanup()
        return ending


def refuse_unstorable(content: dict) -> None:
    """Raise ValueError when a message's content cannot be kept in a notebook: half characters, or nested too deep."""
    json.dumps(content, ensure_ascii=False).encode("utf-8")
    level: list = [content]
    for _ in range(DEEPEST):
        level = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]
        level = [child for child in level if isinstance(child, dict | list)]
    if level:
        raise ValueError(f"content is nested deeper than {DEEPEST}")


def counted(content: dict) -> int | None:
    """The number of an execution, if the message has one."""
    count = content.get("execution_count")
    return count if type(count) is int and count >= 0 else None


def output_of(kind: str, content: dict) -> dict:
    """An output of nbformat 4, whatever types the message has where a notebook has texts."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {"output_type": kind, "name": name, "text": str(content.get("text", ""))}
    if kind == "error":
        lines = content.get("traceback")
        lines = [str(line) for line in lines] if isinstance(lines, list) else []
        names = {name: str(content.get(name, "")) for name in ("ename", "evalue")}
        return {"output_type": kind, **names, "traceback": lines}
    number = {"execution_count": counted(content)} if kind == "execute_result" else {}
    return {"output_type": kind, **bundle(content), **number}


def bundle(content: dict) -> dict:
    """The data of a display by media type: texts, of JSON only what this course's cells send, and sizes of pictures."""
    data, metadata = content.get("data"), content.get("metadata")
    data, metadata = (part if isinstance(part, dict) else {} for part in (data, metadata))
    kept = {
        kind: value
        for kind, value in data.items()
        if kind in OWN_KINDS or (isinstance(value, str) and SHOWN_KIND.fullmatch(kind))
    }
    return {"data": kept, "metadata": {kind: sizes(metadata.get(kind)) for kind in kept if sizes(metadata.get(kind))}}


def sizes(settings: object) -> dict[str, int]:
    """Width and height that a display asks for; what else it asks is not kept."""
    if not isinstance(settings, dict):
        return {}
    return {name: settings[name] for name in ("width", "height") if type(settings.get(name)) is int}


def objects(frame: bytes) -> int:
    """At most so many objects become of a frame of JSON; each takes far more memory than its text."""
    return frame.count(b"{") + frame.count(b"[") + frame.count(b'"') - frame.count(b'\\"')


def display_id(content: dict) -> str | None:
    transient = content.get("transient")
    name = transient.get("display_id") if isinstance(transient, dict) else None
    return name if isinstance(name, str) else None


def finish(collected: Reply, answer: dict, interrupted: bool) -> Reply:
    """The reply with the kernel's answer in it: that of an interrupted cell is that its time was up."""
    collected.status = "ok" if answer.get("status") == "ok" else "error"
    collected.ename, collected.evalue = str(answer.get("ename", ""))[:100], str(answer.get("evalue", ""))[:10_000]
    collected.count = counted(answer)
    if collected.status == "error" and interrupted:
        collected.timed_out, collected.ename = True, TIME_IS_UP
    return collected


def execute(
    notebook: "NotebookNode",
    *,
    environment: dict[str, str],
    limits: Limits = DEFAULT_LIMITS,
    stop_on_error: bool = False,
    skip: str | None = None,
    progress: Callable[[int], None] = lambda index: None,
) -> float:
    """Run the course's own notebook, without a sandbox, writing outputs into it; return the seconds it took.

    A cell that exceeds its time is interrupted and the next one runs; when the kernel dies or the notebook's time is
    up, the cells that did not run carry an error that says so.

    Args:
        environment: variables for the kernel beside the few that every kernel gets.
        stop_on_error: raise CellExecutionError at the first cell that fails.
        skip: tag of cells to leave out.
        progress: called with the index of each cell that has run.
    """
    started = time.monotonic()
    kernel = Kernel(NONE, environment=environment, limits=limits)
    lost = None
    try:
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or (skip and skip in cell.metadata.get("tags", [])):
                continue
            left = limits.notebook - (time.monotonic() - started)
            lost = lost or ("the notebook's time was up" if left <= 0 else None)
            if lost is None:
                lost = execute_cell(kernel, cell, min(limits.cell, left), stop_on_error)
            else:
                write_outputs(cell, [not_run(lost)], None)
            progress(index)
    finally:
        kernel.close()
    return time.monotonic() - started


def execute_cell(kernel: Kernel, cell: "NotebookNode", seconds: float, stop_on_error: bool) -> str | None:
    """Run a cell and write what it gave into it; why nothing runs any more, if the kernel was lost."""
    from nbclient.exceptions import CellExecutionError

    try:
        reply = kernel.run(cell.source, seconds)
    except KernelLost as gone:
        lost = LOST.get(gone.why, f"the kernel was ended ({gone.why})")
        if stop_on_error:
            raise RuntimeError(f"{lost} in the cell\n{cell.source}") from None
        write_outputs(cell, [*gone.outputs, not_run(lost)], None)
        return lost
    write_outputs(cell, shown_outputs(reply, kernel.limits), reply.count)
    if stop_on_error and reply.status == "error":
        lines = [line for output in reply.outputs if output["output_type"] == "error" for line in output["traceback"]]
        raise CellExecutionError.from_cell_and_msg(
            cell, {"ename": reply.ename, "evalue": reply.evalue, "traceback": lines}
        )
    return None


def write_outputs(cell: "NotebookNode", outputs: list[dict], count: int | None) -> None:
    from nbformat import from_dict

    cell.outputs, cell.execution_count = from_dict(outputs), count


def shown_outputs(reply: Reply, limits: Limits) -> list[dict]:
    """A request's outputs, with its error among them if it failed: of an interrupted one, that its time was up."""
    others = [output for output in reply.outputs if output["output_type"] != "error"]
    if reply.status == "ok" or (not reply.timed_out and len(others) < len(reply.outputs)):
        return reply.outputs
    said = {"ename": reply.ename, "evalue": text_of_error(reply, limits), "traceback": []}
    return [*others, {"output_type": "error", **said}]


def text_of_error(reply: Reply, limits: Limits) -> str:
    return f"the cell ran longer than {limits.cell:g} seconds" if reply.timed_out else reply.evalue


def not_run(why: str) -> dict:
    return {"output_type": "error", "ename": "NotRun", "evalue": f"not run: {why}", "traceback": []}
