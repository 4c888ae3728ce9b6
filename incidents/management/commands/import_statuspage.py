from incidents.imports import reading, statuspage, storing, subscribers
from incidents.imports.command import ImportCommand


class Command(ImportCommand):
    help = (
        "Imports the incidents and maintenance of a public status page (Statuspage v2 JSON, plain or .gz), or its"
        " list of subscribers (CSV or JSON), all or nothing."
    )
    metavar = "FILE|URL"
    source_help = "a file, or an http(s) address"

    def read(self, source):
        data = reading.fetch(source)
        name = source.rpartition("/")[2]
        if name.lower().removesuffix(".gz").endswith(".csv"):
            return subscribers.read(data, name)
        document = reading.parse(data)
        if subscribers.is_listing(document):
            return subscribers.of_document(document, name)
        return statuspage.read(document)

    def named(self, found):
        return found.name

    def store(self, found):
        if isinstance(found, subscribers.Listing):
            return subscribers.store(found)
        tally = storing.store(found)
        updates = sum(len(record.updates) for record in found.records)
        planned = f" {len(found.windows)} maintenance windows," if found.windows else ""
        return (
            f"{len(found.records)} incidents ({tally}), {updates} updates,"
            f" {len(found.components)} services,{planned} {found.is_flagged} flagged"
        )
