"""Who asked to hear from us hears what customers are told, once, and can end it with one click.

links.py     the signed addresses in mails
asking.py    somebody types an address: a mail asks whether they mean it
fanning.py   what was published becomes one message for each subscriber it concerns
news.py      what such a message says, by mail and by webhook
correcting.py  what it says when that was not right
feedback.py  where a question about the update may stand in a mail
views.py     the pages, without session, cookie or script
"""
