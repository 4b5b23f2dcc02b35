# attack: displays lists in lists in lists, deeper than a notebook can be written
# verdict: graded | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
kernel = get_ipython().kernel
for depth in (300, 500, 700):
    content = b'{"data": {"application/json": ' + b"[" * depth + b"]" * depth + b'}, "metadata": {}}'
    kernel.session.send(kernel.iopub_socket, "display_data", content, parent=kernel.get_parent("shell"))
