"""The page for support while something is wrong: what to say now, who is affected, what to do, when we speak next.

Only what customers may know is on it: an internal or restricted incident, a drill or a draft is not.
"""
