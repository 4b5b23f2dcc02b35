# attack: all check cells are deleted
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% edit="notebook"
notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
