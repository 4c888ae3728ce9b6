"""The page on which a retro is prepared: checklist, facts, narrative, timeline. retros/admin brings it its address."""
