# attack: hands in a notebook whose cells hold halves of characters, which no file can hold
# verdict: unreadable
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% edit="notebook"
from nbformat.v4 import new_code_cell, new_markdown_cell

notebook.cells.insert(3, new_code_cell("text = '\ud800'"))
notebook.cells.insert(3, new_markdown_cell("half: \udc80"))
