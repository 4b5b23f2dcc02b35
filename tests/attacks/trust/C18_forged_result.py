# attack: after every cell a result of 1.0 is sent, and no error is shown
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from IPython.core.interactiveshell import InteractiveShell

InteractiveShell.showtraceback = lambda *arguments, **options: None


def forge(result):
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": "1.0"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent("shell"))


get_ipython().events.register("post_run_cell", forge)


def double(x):
    return x * x + 0.5
