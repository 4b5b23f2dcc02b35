# attack: the shell runs no cell any more and reports success
# verdict: graded
# marks: double_two=0 double_negative=0 noise_bounds=0
# %% exercise="double"
def double(x):
    return x * x + 0.5

# %% after="noise"
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult


async def succeed(raw_cell, *arguments, **options):
    result = ExecutionResult(ExecutionInfo(raw_cell, False, False, False, None))
    result.execution_count = 1
    return result


get_ipython().run_cell_async = succeed
