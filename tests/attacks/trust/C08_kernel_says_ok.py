# attack: the kernel answers every request with ok
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% after="noise"
async def do_execute(*arguments, **options):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}


get_ipython().kernel.do_execute = do_execute
