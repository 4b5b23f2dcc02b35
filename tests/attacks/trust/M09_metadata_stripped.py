# attack: no cell has metadata or an id, and neither has the notebook
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% edit="notebook"
notebook.metadata.clear()
notebook.nbformat_minor = 0
for cell in notebook.cells:
    cell.metadata.clear()
    cell.pop("id")
