"""The evidence pack: what an auditor takes away and checks without us."""
