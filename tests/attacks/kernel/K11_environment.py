# attack: lists the environment of every process that it can see
# verdict: graded
# marks: double_two=1 double_negative=2 noise_bounds=2
# isolation: warm | fresh
# says: nothing of the host
# never: attack-secret
# %% after="double"
import os
from pathlib import Path

found = set(os.environ)
for process in Path("/proc").glob("[0-9]*"):
    try:
        entries = (process / "environ").read_bytes().split(b"\0")
        found |= {entry.decode().partition("=")[0] for entry in entries if entry}
    except OSError:
        pass
known = set(
    "PATH HOME LANG CUDA_VISIBLE_DEVICES OPENBLAS_NUM_THREADS TF_CPP_MIN_LOG_LEVEL TF_ENABLE_ONEDNN_OPTS PYTHONPATH PWD "
    "PYTHONDONTWRITEBYTECODE MPLBACKEND NBGRADER_EXECUTION JPY_PARENT_PID TERM CLICOLOR CLICOLOR_FORCE FORCE_COLOR PAGER "
    "GIT_PAGER TF2_BEHAVIOR TPU_ML_PLATFORM TF_DETERMINISTIC_OPS KMP_DUPLICATE_LIB_OK KMP_INIT_AT_FORK PYDEVD_USE_FRAME_EVAL "
    "PYDEVD_DISABLE_FILE_VALIDATION TF_XLA_FLAGS XLA_FLAGS KERAS_BACKEND LC_CTYPE ENABLE_RUNTIME_UPTIME_TELEMETRY HDF5_PLUGIN_PATH TPU_ML_PLATFORM_VERSION".split()
)
print(sorted(found - known) or "nothing of the host")
