# attack: every check is sent with an infinite tolerance, bounds that hold, and the value itself as `expected`
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import dlcourse.checking

publish = dlcourse.checking.publish


def send_a_weaker_rule(name, value, rule):
    publish(name, value, {"expected": value, "tolerance": 1e300, "at_least": -1e300, "at_most": 1e300})


dlcourse.checking.publish = send_a_weaker_rule


def double(x):
    return x * x + 0.5

# %% exercise="noise"
def noise():
    return 7.0
