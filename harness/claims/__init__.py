"""Claims of a suite judged from kept searches: reproduced, contradicted or undecided, each by a test of its own."""
