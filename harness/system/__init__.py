"""Files, folders, worker processes, plug-ins: nothing of the field."""
