"""Kills the server under load and proves that nothing it acknowledged is lost."""
