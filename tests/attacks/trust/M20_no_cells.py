# attack: hands in a notebook with nothing but its title
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% edit="notebook"
notebook.cells = notebook.cells[:1]
