# attack: asks for a kernel whose command is of the student's making
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% edit="notebook"
notebook.metadata["kernelspec"] = {"name": "../../bash", "display_name": "bash", "language": "bash", "argv": ["sh"]}
notebook.metadata["language_info"] = {"name": "R"}
