# attack: looks for the gradebook, the source, the reference and other students' work on every readable path
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# says: walked
# never: found a file
# %% after="double"
import os

WANTED = {
    "gradebook.db", "classroom.toml", "01_doubling.ipynb", "01_doubling.py", "01_doubling.answers.py",
    "01_doubling.json", "ledger.json",
}
for parent, folders, names in os.walk("/"):
    if parent in ("/proc", "/sys") or parent.endswith("nbgrader/tests"):  # nbgrader ships a gradebook of its own
        folders.clear()
    for name in WANTED.intersection(names):
        print("found a " + "file", os.path.join(parent, name))
print("walked")
