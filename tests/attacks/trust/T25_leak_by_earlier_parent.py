# attack: a check cell's code is sent as output of an earlier cell: prints, displays, results and errors
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# never: rng().uniform
# %% exercise="double"
import threading

from dlcourse import session

kernel = get_ipython().kernel
earlier = kernel.get_parent("shell")


def send(code):
    shown = {"data": {"text/plain": code}, "metadata": {}}
    for kind, content in {
        "stream": {"name": "stdout", "text": code},
        "display_data": shown,
        "execute_result": shown | {"execution_count": 1},
        "error": {"ename": code, "evalue": code, "traceback": [code]},
        "execute_input": {"code": code, "execution_count": 1},
    }.items():
        kernel.session.send(kernel.iopub_socket, kind, content, parent=earlier)


def double(x):
    if session.sending():
        code = kernel.get_parent("shell")["content"]["code"]
        send(code)
        thread = threading.Thread(target=send, args=(code,))
        thread.start()
        thread.join()
    return x * x + 0.5
