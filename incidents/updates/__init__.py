"""What customers are told, in one gesture: written from a template, seen as they will see it, published whole.

placeholders: what a template may say, typed, filled from the incident. choosing: which template, and why that one.
carrying: what publishing changes besides. preview: the public page as it would be. form and page: the one form.
"""
