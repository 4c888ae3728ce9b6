"""The sections and factors a new installation starts with; facilitators edit them to their own."""

from retros.models import Factor, Template

SECTIONS = [
    (
        "Customer impact",
        "What was it like for customers? What could they not do, for how long, and what did it cost them?",
    ),
    (
        "Sequence of events",
        "What happened, in what order? What did people see, and what did they make of it then?",
    ),
    ("Detection", "How did we know? How could we have known earlier, or before customers did?"),
    (
        "Communication",
        "What were customers told, and when? How did it help them? What would have helped more?",
    ),
    ("Remediation", "What was tried, and what worked? How accurate was the plan?"),
    ("What surprised us", "What did we believe before that turned out otherwise?"),
    ("What went well", "What made it less bad than it could have been? How do we keep that?"),
    ("Where we were lucky", "What kept this small that we had no hand in?"),
]

FACTORS = [
    ("config-change", "Config change", "A change of configuration had effects nobody foresaw."),
    ("deployment", "Deployment", "A new version, or the way it was rolled out."),
    ("capacity", "Capacity", "Demand met a limit: threads, connections, disk, money."),
    ("dependency", "Dependency", "Something we rely on behaved otherwise than we expected."),
    ("automation", "Automation", "A machine did what it was told, quicker than anybody could see."),
    ("slow-detection", "Slow detection", "It took long to notice, or customers noticed first."),
    ("unclear-ownership", "Unclear ownership", "It was not clear whose it was."),
    ("missing-test", "Missing test", "Nothing we run before release would have shown it."),
    ("hardware", "Hardware", "Machines, disks, power, cables."),
    ("network", "Network", "The way between machines."),
    ("time", "Time", "Clocks, zones, leap days, certificates that expired."),
    ("security", "Security", "Somebody meant harm, or could have done it."),
]


def add_template_and_factors(**_) -> None:
    """Fill empty tables after a migration; never touch what somebody has edited."""
    if not Template.objects.exists():
        template = Template.objects.create(name="Standard", is_default=True)
        for position, (heading, guidance) in enumerate(SECTIONS, start=1):
            template.sections.create(heading=heading, guidance=guidance, position=position)
    if not Factor.objects.exists():
        for slug, name, description in FACTORS:
            Factor.objects.create(slug=slug, name=name, description=description)
