from incidents.imports import reading, statuspage, storing
from incidents.imports.command import ImportCommand


class Command(ImportCommand):
    help = "Imports the incidents of a public status page (Statuspage v2 JSON, plain or .gz), all or nothing."
    metavar = "FILE|URL"
    source_help = "a file, or an http(s) address"

    def read(self, source):
        return statuspage.read(reading.parse(reading.fetch(source)))

    def named(self, page):
        return page.name

    def store(self, page):
        tally = storing.store(page)
        updates = sum(len(record.updates) for record in page.records)
        return (
            f"{len(page.records)} incidents ({tally}), {updates} updates,"
            f" {len(page.components)} services, {page.is_flagged} flagged"
        )
