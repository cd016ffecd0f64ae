"""The command line: one click file per command group, no logic, heavy imports inside the commands."""
