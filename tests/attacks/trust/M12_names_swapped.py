# attack: answers carry the names of check cells and check cells those of answers
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% edit="notebook"
named = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
for first, second in (("double", "double_two"), ("noise", "noise_bounds")):
    one, other = named[first], named[second]
    one.metadata, other.metadata = other.metadata, one.metadata
    one.id, other.id = other.id, one.id
