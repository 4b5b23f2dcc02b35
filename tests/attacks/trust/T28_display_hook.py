# attack: every displayed value is 1.0, and the display publisher changes every record that a check sends
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import sys

shell = get_ipython()
sys.displayhook = lambda value: print(1.0)
publish = type(shell.display_pub).publish


def send_another(self, data, *arguments, **options):
    for record in data.values():
        if isinstance(record, dict) and "value" in record:
            record["value"] = record["expected"] or {"string": "right"}
    return publish(self, data, *arguments, **options)


type(shell.display_pub).publish = send_another


def double(x):
    return x * x + 0.5
