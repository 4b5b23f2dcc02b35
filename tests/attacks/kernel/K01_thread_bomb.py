# attack: starts threads until it may not, 300 at most
# verdict: processes
# marks: double_two=1 double_negative=2 noise_bounds=2
# limits: processes=60
# says: stopped before 300
# %% after="noise_bounds"
import threading

ended = threading.Event()
count = 0
try:
    for count in range(300):
        threading.Thread(target=ended.wait, args=[60], daemon=True).start()
except RuntimeError:
    print("stopped before 300" if count < 60 else f"only stopped at {count}")
    ended.set()
    raise
