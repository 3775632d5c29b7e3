"""Live benchmarks: supernets and stand-alone networks trained on real images. The only part that needs torch."""
