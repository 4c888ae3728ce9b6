from config.audit.commands import AuditedCommand
from incidents.customers import exporting


class Command(AuditedCommand):
    help = "Writes the list of customers as CSV, as `import_customers` takes it."

    def handle(self, **options):
        for piece in exporting.lines():
            self.stdout.write(piece, ending="")
