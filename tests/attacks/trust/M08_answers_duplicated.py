# attack: answer cells stand there several times, with the same name, the right one last
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% edit="notebook"
import copy

for cell in [c for c in notebook.cells if c.id in ("double", "noise")]:
    twin = copy.deepcopy(cell)
    twin.source = f"def {cell.id}(*arguments):\n    return None"
    notebook.cells.insert(notebook.cells.index(cell), twin)
