"""The sections, factors and questions a new installation starts with; facilitators edit them to their own."""

from retros.models import Factor, Question, StepKind, StepRule, Template, Topic

SECTIONS = [
    (
        Topic.IMPACT,
        "What was it like for customers? What could they not do, for how long, and what did it cost them?",
    ),
    (
        Topic.SEQUENCE,
        "What happened, in what order? What did people see, and what did they make of it then?",
    ),
    (Topic.DETECTION, "How did we know? How could we have known earlier, or before customers did?"),
    (
        Topic.COMMUNICATION,
        "What were customers told, and when? How did it help them? What would have helped more?",
    ),
    (Topic.REMEDIATION, "What was tried, and what worked? How accurate was the plan?"),
    (Topic.SURPRISE, "What did we believe before that turned out otherwise?"),
    (Topic.WENT_WELL, "What made it less bad than it could have been? How do we keep that?"),
    (Topic.LUCK, "What kept this small that we had no hand in?"),
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

ALL, INSIDE, OUTSIDE = "on_call product support customer", "on_call product support", "support customer"
# What, about what, and for whom. The first three of each hat are a sensible choice.
QUESTIONS = [
    ("How did you first notice that something was different?", Topic.DETECTION, ALL),
    ("What could you not do, and what did you do instead?", Topic.IMPACT, "customer"),
    ("What were you trying to do at that moment?", Topic.SEQUENCE, INSIDE),
    ("What did you hear from us, and what did you make of it?", Topic.COMMUNICATION, "customer"),
    ("What did customers tell you, in their own words?", Topic.IMPACT, "product support"),
    ("What made that the sensible thing to do with what you knew then?", Topic.REMEDIATION, "on_call"),
    ("What would have helped you to notice it earlier?", Topic.DETECTION, "on_call product"),
    ("What did the alert, or the dashboard, tell you, and what did it not?", Topic.DETECTION, "on_call"),
    ("What did you know that others did not seem to know?", Topic.COMMUNICATION, INSIDE),
    ("What would you have wanted to tell customers, and when?", Topic.COMMUNICATION, "product support"),
    ("How well did what we told customers fit what they asked you?", Topic.COMMUNICATION, "support"),
    ("What would have helped you to carry on with your work?", Topic.IMPACT, OUTSIDE),
    ("What did you try, and what did you expect to happen?", Topic.REMEDIATION, "on_call"),
    ("How did the plan or the runbook fit what you found?", Topic.REMEDIATION, "on_call"),
    ("How did you know that it was over?", Topic.REMEDIATION, ALL),
    ("What surprised you?", Topic.SURPRISE, ALL),
    ("What went better than it could have gone?", Topic.WENT_WELL, ALL),
    ("What kept this from being worse that nobody had planned?", Topic.LUCK, INSIDE),
    ("What do you do differently since then?", Topic.OTHER, ALL),
]
HATS = ("on_call", "product", "support", "customer")
# step: down to which severity rank, and within how many working days. What is less severe needs less ceremony.
STEPS = {
    StepKind.TIMELINE: (4, 1),
    StepKind.MOMENTS: (3, 2),
    StepKind.IMPACT: (4, 2),
    StepKind.PERSPECTIVES: (2, 2),
    StepKind.FACTORS: (4, 3),
    StepKind.FINDINGS: (3, 4),
    StepKind.ACTION: (4, 4),
    StepKind.MEETING: (2, 3),
    StepKind.LEARNING: (2, 5),
    StepKind.REVIEW: (4, 4),
    StepKind.PUBLISHED: (4, 5),
}


def add_template_and_factors(**_) -> None:
    """Fill empty tables after a migration; never touch what somebody has edited."""
    if not Template.objects.exists():
        template = Template.objects.create(name="Standard", is_default=True, needs_approval=True)
        for position, (topic, guidance) in enumerate(SECTIONS, start=1):
            template.sections.create(heading=topic.label, topic=topic, guidance=guidance, position=position)
    if not Factor.objects.exists():
        for slug, name, description in FACTORS:
            Factor.objects.create(slug=slug, name=name, description=description)
    if not Question.objects.exists():
        for position, (text, topic, hats) in enumerate(QUESTIONS, start=1):
            asked = {f"for_{hat}": hat in hats.split() for hat in HATS}
            Question.objects.create(text=text, topic=topic, position=position, **asked)
    if not StepRule.objects.exists():
        for position, (kind, (rank, days)) in enumerate(STEPS.items(), start=1):
            StepRule.objects.create(kind=kind, least_severe_rank=rank, within_days=days, position=position)
