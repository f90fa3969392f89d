"""Prompts as files, one folder a task, one file a version."""
