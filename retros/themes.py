"""What contributed again and again: the factors of retrospectives by quarter, as far as their reader may see them."""

from dataclasses import dataclass
from datetime import date

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.db.models.functions import TruncQuarter
from django.utils import timezone

from config.audit.explorer.shell import page
from config.dashboard import list_url
from retros.models import Retrospective

QUARTERS = 8
HEIGHT, WIDTH, GAP = 48, 30, 6  # of a bar, in the units of the drawing


@dataclass(frozen=True)
class Bar:
    """One quarter of one factor, as it is drawn."""

    label: str
    count: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Theme:
    """One factor over time."""

    name: str
    url: str
    bars: tuple[Bar, ...]

    @property
    def total(self) -> int:
        return sum(bar.count for bar in self.bars)

    @property
    def in_words(self) -> str:
        """The drawing for who does not see it."""
        return ", ".join(f"{bar.label}: {bar.count}" for bar in self.bars)

    @property
    def trend(self) -> str:
        """The last year against the one before."""
        half = len(self.bars) // 2
        before, now = (sum(bar.count for bar in part) for part in (self.bars[:half], self.bars[half:]))
        if now == before:
            return f"{now} in the last year, as in the one before"
        return f"{now} in the last year, {before} in the one before"


def quarters(today: date, count: int = QUARTERS) -> list[date]:
    """The first days of the last quarters, the present one last."""
    number = today.year * 4 + (today.month - 1) // 3
    return [date(one // 4, one % 4 * 3 + 1, 1) for one in range(number - count + 1, number + 1)]


def themes(user, today: date) -> list[Theme]:
    """The factors of what `user` may see, the most frequent first."""
    days = quarters(today)
    retros = Retrospective.objects.visible_to(user).order_by().filter(opened_at__date__gte=days[0])
    counted = (
        retros.filter(retro_factors__isnull=False)
        .annotate(quarter=TruncQuarter("opened_at"))
        .values_list("retro_factors__factor", "retro_factors__factor__name", "quarter")
        .annotate(count=Count("pk"))
    )
    found: dict[tuple, dict] = {}
    for key, name, quarter, count in counted:
        found.setdefault((key, name), {})[quarter.date()] = count
    most = max((count for by_day in found.values() for count in by_day.values()), default=1)
    made = [_theme(key, name, by_day, days, most) for (key, name), by_day in found.items()]
    return sorted(made, key=lambda theme: (-theme.total, theme.name))


def _theme(key, name, by_day, days, most) -> Theme:
    bars = []
    for place, day in enumerate(days):
        count = by_day.get(day, 0)
        height = round(HEIGHT * count / most)
        label = f"{day.year} Q{(day.month + 2) // 3}"
        bars.append(Bar(label, count, place * (WIDTH + GAP), 14 + HEIGHT - height, height))
    return Theme(name, list_url("retros.Retrospective", f"factors__id__exact={key}"), tuple(bars))


def show(request):
    """The page; nothing on it changes anything."""
    if not request.user.has_perms(["retros.view_retrospective", "retros.view_retrofactor"]):
        raise PermissionDenied
    context = {
        "title": "Factors over time",
        "themes": themes(request.user, timezone.localdate()),
        "width": QUARTERS * (WIDTH + GAP),
        "height": HEIGHT + 30,
        "wide": WIDTH,
        "middle": WIDTH // 2,
    }
    return page(request, "retros/themes.html", context)


view = admin.site.admin_view(show)
