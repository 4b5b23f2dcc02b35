# attack: outputs with counts, types and contents that no notebook has
# verdict: graded | rejected
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
kernel = get_ipython().kernel


def send(kind, **content):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent("shell"))


send("clear_output", wait="perhaps")
for count in (-1, True, "one", 10**300, 1.5, None):
    send("execute_result", data={"text/plain": "42"}, metadata={}, execution_count=count)
for data in ({"text/json": {"a": 1}}, {"json": [1]}, {"": "nothing"}, {"application/json": 3}, ["text"], "text", None):
    send("display_data", data=data, metadata={"isolated": {"a": []}}, transient={"display_id": ["a"]})
send("display_data", data={"text/html": ["<b>", 3, None], "text/plain": {"a": 1}}, metadata=[1])
send("stream", name=["stdout"], text={"a": 1})
send("stream", text=None)
send("error", ename=None, evalue=[1], traceback="text")
send("error", ename={"a": 1}, evalue=3, traceback=[None, 3, {"a": 1}])
send("update_display_data", data=3)
send("status", execution_state=["idle"])
send("execute_reply", status="ok")
print("\x00\x1b[31m\u2028\u202e]]>&lt;\r\n")
