from incidents.customers import importing
from incidents.imports.command import ImportCommand
from incidents.imports.shape import Refused, shown


class Command(ImportCommand):
    help = (
        "Imports customers from a CSV file, all or nothing: name, and as far as there are such columns id, plan,"
        " domain, services and regions. Who is not in the file stays as they are."
    )
    metavar = "FILE"
    source_help = "a CSV file in UTF-8, with the names of its columns on the first line"

    def read(self, source):
        try:
            with open(source, "rb") as file:
                data = file.read(importing.LARGEST + 1)
        except (OSError, ValueError) as error:
            raise Refused(f"{shown(source)} cannot be read: {error}") from error
        return importing.plan(data)

    def named(self, made):
        return "a list of customers"

    def store(self, made):
        importing.store(made)
        ignored = f"; not read: {', '.join(made.sheet.ignored)}" if made.sheet.ignored else ""
        return f"{len(made.sheet.lines)} customers ({made}){ignored}"
