"""Tidy data frames of a run: one function a frame, computing only, drawing nothing."""
