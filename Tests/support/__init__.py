"""What both black-box suites share: server processes, waiting, reporting."""
