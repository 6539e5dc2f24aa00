"""Checks over time of claims that were judged: from files or the archive to cases for people."""
