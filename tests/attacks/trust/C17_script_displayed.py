# attack: displays a script that would change the page it is shown on, also while the checks run
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=2
# %% exercise="double"
from IPython.display import HTML, Javascript, display

SCRIPT = "document.body.textContent = 'full marks'"


def double(x):
    display(HTML(f"<script>{SCRIPT}</script><img src=x onerror=\"{SCRIPT}\">"), Javascript(SCRIPT))
    return x * x + 0.5

# %% after="double"
double(1)
