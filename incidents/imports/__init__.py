"""Reads incidents from elsewhere: whole or not at all, as often as one likes."""
