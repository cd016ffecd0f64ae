"""Held-out suites: the Universal Declaration of Human Rights, a folder of the user's, a source kept out of training."""
