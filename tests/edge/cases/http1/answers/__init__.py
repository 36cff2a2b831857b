"""Answers of an upstream that is broken or hostile, and of one that is merely unusual."""
