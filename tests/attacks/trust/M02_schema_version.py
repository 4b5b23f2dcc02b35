# attack: cells claim schemas of nbgrader that are too old, too new and none
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% edit="notebook"
for version, cell in zip([2, 99, "three", None, [3], 0], [c for c in notebook.cells if "nbgrader" in c.metadata]):
    cell.metadata["nbgrader"]["schema_version"] = version
