"""Which template is taken: the most specific one that fits, and why that one."""

from dataclasses import dataclass

from incidents.models import MessageTemplate

FALLBACK = "en"


@dataclass(frozen=True)
class Choice:
    """The template taken, or None, and in words why."""

    template: MessageTemplate | None
    why: str


def choose(*, phase, severity, services=(), audience="customers", locale=FALLBACK) -> Choice:
    """A template for one of `services` (in their order) wins over one for `severity`, both over one for all."""
    services = list(services)
    fitting = [
        one
        for one in MessageTemplate.objects.filter(phase=phase, audience=audience).select_related(
            "severity", "service"
        )
        if one.severity_id in (None, severity.pk)
        and (one.service_id is None or one.service in services)
        and one.locale in _locales(locale)
    ]
    if not fitting:
        return Choice(None, "There is no template for this phase and these readers: write it from nothing.")
    best = min(fitting, key=lambda one: _rank(one, services, locale))
    return Choice(best, _why(best, locale, passed=len(fitting) - 1))


def _locales(locale) -> list[str]:
    """From the nearest to the last resort: pt-BR, pt, en."""
    return list(dict.fromkeys([locale, locale.partition("-")[0], FALLBACK]))


def _rank(one, services, locale):
    near = services.index(one.service) if one.service_id else len(services)
    return _locales(locale).index(one.locale), near, one.severity_id is None, one.pk


def _why(one, locale, passed) -> str:
    made_for = [str(part) for part in (one.service, one.severity) if part]
    fits = f"made for {' and '.join(made_for)}" if made_for else "the one for every service and severity"
    text = f"“{one}”: {fits}"
    if one.locale != locale:
        text += f", in {one.locale} because there is none in {locale}"
    if passed:
        text += f"; {passed} less specific {'one was' if passed == 1 else 'ones were'} passed over"
    return f"{text}."
