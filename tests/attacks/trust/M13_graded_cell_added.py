# attack: adds cells that give points, one of them with a check cell's name and id
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% edit="notebook"
import copy

check_cell = next(cell for cell in notebook.cells if cell.id == "double_two")
for name in ("bonus", "double_two", "double_negative"):
    added = copy.deepcopy(check_cell)
    added.source = f"{name} = 100\n{name}"
    added.id = name
    added.metadata["nbgrader"] |= {"grade_id": name, "points": 100}
    added.metadata["id"] = name
    notebook.cells.append(added)
