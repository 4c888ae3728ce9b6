"""Did customers know what they needed to know? Asked by a link in mails and on the incident's page, answered once.

links.py    the signed links of mails, and the tokens of the page that is open to everybody
limits.py   how often one address may answer from that page
asking.py   the forms
views.py    the public pages: GET never votes
numbers.py  what was said, counted by the database: response rates, Wilson intervals, distributions
showing.py  and how the workspace says it

Mails ask by `links_for([Question(incident, key, update), …])`: `key` names the mail and its recipient, such as the
key of its Delivery, so that a mail written twice has the same single link.
"""

from incidents.feedback.links import link_for
from incidents.models.feedback import Purpose

__all__ = ["Purpose", "link_for"]
