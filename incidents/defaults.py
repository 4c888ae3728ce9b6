"""The four severities a new installation starts with; every company edits them to its own."""

from incidents.models import Severity

# rank, meaning; minutes to acknowledge, restore, first update, then every; retro required, within working days
STANDARD = [
    (1, "Customers cannot use the product, or data is lost or exposed.", 5, 60, 15, 30, True, 5),
    (2, "Something important fails or is very slow for many customers.", 15, 240, 30, 60, True, 7),
    (3, "Something fails for some customers, or there is a way around it.", 60, 1_440, 60, 240, False, 10),
    (4, "Customers hardly notice, or only inconvenience.", 480, 4_320, 480, 1_440, False, 10),
]


def add_severities(**_) -> None:
    """Fill an empty table after a migration; never touch what somebody has edited."""
    if Severity.objects.exists():
        return
    for rank, meaning, acknowledge, restore, first, then, is_required, days in STANDARD:
        Severity.objects.create(
            rank=rank,
            name=f"SEV{rank}",
            meaning=meaning,
            acknowledge_minutes=acknowledge,
            restore_minutes=restore,
            first_update_minutes=first,
            update_every_minutes=then,
            is_retro_required=is_required,
            retro_within_days=days,
        )
