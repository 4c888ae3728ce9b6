"""The ledger at the command line: seal, anchor, verify, export, reconcile, redact."""

import json
import sys
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import DatabaseError

from config.audit import anchors, redactions, sealing, triggers, verify
from config.audit.commands import AuditedCommand
from config.audit.evidence import command as evidence
from config.audit.ledger import Anchor, Verification

EXIT = {
    Verification.Outcome.CLEAN: 0,
    Verification.Outcome.FINDINGS: 1,
    Verification.Outcome.IMPOSSIBLE: 2,
}
LOOKED_AT = {
    "rows": "sealed rows",
    "links": "links",
    "seals": "seals",
    "anchors": "anchors",
    "objects": "objects against their history",
    "triggers": "triggers",
}


class Command(AuditedCommand):
    help = "Seal, anchor, verify, export, reconcile or redact the history."

    def add_arguments(self, parser):
        commands = parser.add_subparsers(dest="what", required=True, metavar="what")
        one = commands.add_parser("verify", help="look at everything: 0 clean, 1 findings, 2 could not check")
        one.add_argument("--anchors", type=Path, metavar="FILE", help="anchors kept elsewhere, a line each")
        one.add_argument("--json", action="store_true", help="the result as JSON")
        commands.add_parser("seal", help="seal what is not sealed yet")
        commands.add_parser(
            "anchor", help="write down how far the chain has come, where it cannot be changed"
        )
        evidence.add_arguments(commands.add_parser("export", help="write an evidence pack"))
        commands.add_parser("reconcile", help="make the triggers anew and write what happened without them")
        self._add_redact(commands.add_parser("redact", help="take a text or a person out of the history"))

    def _add_redact(self, parser):
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--person", metavar="E-MAIL", help="whose name and address go")
        what.add_argument("--text", help="what goes, wherever it stands")
        parser.add_argument(
            "--with", dest="replacement", default=redactions.REDACTED, help="what comes instead"
        )
        parser.add_argument("--reason", required=True, help="kept, and shown to every auditor")
        parser.add_argument("--by", default="", help="who decided it")
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")

    def handle(self, *args, what, **options):
        getattr(self, f"_{what}")(options)

    def _seal(self, options):
        self.stdout.write(f"{sealing.seal():,} rows sealed.")

    def _anchor(self, options):
        made = anchors.anchor(Anchor.Occasion.HAND)
        self.stdout.write(made.line if made else "There is no history to anchor yet.")

    def _export(self, options):
        if code := evidence.handle(options, self.stdout):
            sys.exit(code)

    def _reconcile(self, options):
        written = triggers.install()
        self.stdout.write(f"Triggers made anew; {written:,} changes that had no history now have one.")

    def _redact(self, options):
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("A redaction needs a reason: it is what every auditor will see.")
        how = {"by": options["by"], "reason": reason, "dry_run": options["dry_run"]}
        changed = self._redact_person(options, how) if options["person"] else self._redact_text(options, how)
        for table, count in sorted(changed.items()):
            self.stdout.write(f"{table}: {count:,} rows")
        said = "would be changed; nothing was" if options["dry_run"] else "changed"
        self.stdout.write(f"{changed.total():,} rows {said}.")

    def _redact_person(self, options, how):
        person = get_user_model().objects.filter(email__iexact=options["person"].strip()).first()
        if person is None:
            raise CommandError(f"Nobody here has the address {options['person']}.")
        return redactions.redact_person(person, **how)

    def _redact_text(self, options, how):
        if len(options["text"]) < 3:
            raise CommandError("The text is too short: it would be taken out of other words, too.")
        if options["text"] in options["replacement"]:
            raise CommandError("What comes instead holds the text itself.")
        return redactions.redact([redactions.Cut(options["text"], options["replacement"])], **how)

    # --- Verify

    def _verify(self, options):
        try:
            outside = options["anchors"].read_text().splitlines() if options["anchors"] else ()
            result = verify.verify(by="command line", outside=outside)
        except (OSError, DatabaseError, UnicodeDecodeError) as error:
            raise CommandError(f"Could not check: {error}", returncode=2) from error
        self._tell_json(result) if options["json"] else self._tell(result)
        if code := EXIT[result.outcome]:
            sys.exit(code)

    def _tell_json(self, result):
        told = {"outcome": result.outcome, "seconds": result.seconds}
        self.stdout.write(json.dumps(told | {"counts": result.counts, "findings": result.findings}))

    def _tell(self, result):
        for finding in result.findings:
            self.stdout.write(finding)
        counts = result.counts
        if more := counts.get("findings", 0) - len(result.findings):
            self.stdout.write(f"… and {more:,} more") if more > 0 else None
        looked = ", ".join(f"{counts.get(name, 0):,} {words}" for name, words in LOOKED_AT.items())
        notes = f" {counts['redacted']:,} rows are redacted, authorised." if counts.get("redacted") else ""
        notes += f" {counts['late']:,} rows were sealed late." if counts.get("late") else ""
        if counts.get("reshaped"):
            notes += f" {counts['reshaped']:,} rows were sealed anew, because a column of theirs is gone."
        self.stdout.write(f"Looked at {looked} in {result.seconds:.1f} s.{notes}")
        self.stdout.write(f"{result.get_outcome_display()}.")
