"""The demo story: Tallyhour, a company we made up, and what it learnt from half a year of incidents.

people, catalogue, incidents_*, retros_*, rooms and items_* hold the story as data, in the words of script.py; the
tellers tell it through the same verbs that the pages call; guard.py says where that is allowed.
"""
