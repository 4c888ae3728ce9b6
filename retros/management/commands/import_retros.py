from incidents.imports.command import ImportCommand
from retros.exchange import files, store


class Command(ImportCommand):
    help = "Imports retrospectives that export_retros wrote: afterwards they are what the files say. All or nothing."
    metavar = "DIR|FILE"
    source_help = "a .md or .json file, or a directory with such files in it and below"

    def read(self, source):
        return files.read_all(source)

    def named(self, found):
        return "files of Aftercare"

    def store(self, found):
        return f"{len(found)} retros ({store(found)})"
