"""The public status page: read from the database when something changed, served from files ever after.

board.py       what customers may know, read at once
days.py        how each service stood on each of the last ninety days
shape.py       the same as the JSON that programs know from Statuspage
feeds.py       and as Atom and RSS
pages.py       and as HTML
tree.py        the files all of it is kept in
publishing.py  when they are written
serving.py     how they are answered: no session, no database
"""
