from incidents.imports.command import ImportCommand
from retros import imports


class Command(ImportCommand):
    help = "Imports a directory of postmortems (Markdown with YAML front matter), all or nothing."
    metavar = "DIR"
    source_help = "every .md file in it is a postmortem"

    def read(self, directory):
        return imports.read(directory)

    def named(self, postmortems):
        return imports.SOURCE

    def store(self, postmortems):
        tally = imports.store(postmortems)
        flagged = sum(bool(postmortem.doubts) for postmortem in postmortems)
        return f"{len(postmortems)} postmortems ({tally}), {flagged} flagged"
