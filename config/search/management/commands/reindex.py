from config.audit.commands import AuditedCommand
from config.search import following
from config.search.models import Document


class Command(AuditedCommand):
    help = "Make the search index anew. It can be stopped and run again, while people search."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="also what has not changed")

    def handle(self, *args, **options):
        if options["all"]:
            Document.objects.update(digest="")
        changed = following.read_everything(progress=self._tell if options["verbosity"] > 1 else _quietly)
        self.stdout.write(f"{Document.objects.count()} documents, {changed} of them made anew or removed.")

    def _tell(self, kind, done):
        self.stdout.write(f"{kind.plural}: {done}")


def _quietly(kind, done):
    return None
