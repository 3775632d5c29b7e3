"""Live benchmarks: supernets, search steps and stand-alone training on real images. Needs PyTorch, the extra ``live``."""
