# attack: whatever is checked, the rule's own `expected` or the middle of its bounds is sent
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
import dlcourse.checking

publish = dlcourse.checking.publish


def send_what_is_asked_for(name, value, rule):
    wanted = rule["expected"] if rule["expected"] is not None else 0.5
    publish(name, np.asarray(wanted), rule)


dlcourse.checking.publish = send_what_is_asked_for


def double(x):
    return x * x + 0.5
