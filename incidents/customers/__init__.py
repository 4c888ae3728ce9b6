"""Who our customers are, so that “is this customer affected?” has an answer.

reading.py   a CSV file, refused before it fills the memory, with the line that is wrong
importing.py what it would change, and doing it: all of it or nothing
exporting.py the list again as CSV, which no spreadsheet runs
affected.py  whether an incident affects a customer, and why
views.py     upload with a look before anything is stored, and download
"""

from incidents.models import Customer


def private_names() -> list[str]:
    """The names that must be in nothing that is public."""
    return list(Customer.objects.order_by().values_list("name", flat=True))
