"""Running kernels where student code can do no harm: in bubblewrap, forked from a warm parent or started cold.

`inside/` is what runs in the sandbox and imports nothing else of `autograder`; the other modules stand on the grader's
side.
"""
