"""Work that Tallyhour’s customers were told of beforehand: one window behind us, one ahead."""

from dataclasses import dataclass
from datetime import timedelta

from config.demo.stage import Stage
from incidents.models import Maintenance, MaintenanceService
from incidents.public_ids import id_of


@dataclass(frozen=True)
class MaintenanceTale:
    """One window; `days` from today, negative for the past."""

    key: str
    title: str
    text: str
    days: int
    clock: str
    hours: int
    services: tuple[str, ...]


MAINTENANCE = [
    MaintenanceTale(
        key="reports-move",
        title="Reports move to faster machines",
        text="Reports may show the figures of the evening before until 06:00 UTC. Nothing else is affected.",
        days=-9,
        clock="04:00",
        hours=2,
        services=("reports",),
    ),
    MaintenanceTale(
        key="calendar-store",
        title="New storage for the calendar",
        text="For up to five minutes saving an appointment takes longer than usual. **You need do nothing:** "
        "what you enter meanwhile is kept, and booking pages stay open for your clients.",
        days=3,
        clock="05:00",
        hours=1,
        services=("calendar", "sync"),
    ),
]


def tell_maintenance(stage: Stage, tale: MaintenanceTale) -> None:
    """Planned by Mei, announced by Lena, and done if its day has passed."""
    begins = stage.ago(-tale.days, tale.clock)
    ends = begins + timedelta(hours=tale.hours)
    row = Maintenance(
        public_id=id_of("demo maintenance", tale.key), scheduled_for=begins, scheduled_until=ends
    )
    stage.write("mei", row, title=tale.title, text=tale.text)
    with stage.step("mei"):
        for slug in tale.services:
            stage.save(MaintenanceService(maintenance=row, service=stage.services[slug]))
    with stage.step("lena") as lena:
        row.announce(by=lena, at=min(begins - timedelta(days=4), stage.now - timedelta(hours=3)))
    if tale.days < 0:
        for verb, at in (("begin", begins), ("complete", ends - timedelta(minutes=25))):
            with stage.step("lena") as lena:
                getattr(row, verb)(by=lena, at=at)
