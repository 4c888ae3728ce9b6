"""The audit explorer: every change of every model in one stream, for whoever may read the history."""
