"""What runs in the sandbox: a launcher that forks kernels, and the confinement that each kernel puts on."""
