"""Did a change make a search worse? Baselines, the check with three answers, and the comparison of two runs."""
