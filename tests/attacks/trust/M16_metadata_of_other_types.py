# attack: metadata holds lists, numbers and texts where objects are expected
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% edit="notebook"
strange = [[], "text", 3, None, {"grade_id": []}, {"grade_id": {"a": 1}}, {"grade_id": 7}, True]
for value, cell in zip(strange, notebook.cells):
    cell.metadata["nbgrader"] = value
    cell.metadata["id"] = value
