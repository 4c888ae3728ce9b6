"""Whose names must be in nothing that is public: what we learnt and what customers are told are looked at alike."""

from dataclasses import dataclass

from config.people.models import PrivateName, User
from config.redaction import Found, check
from incidents.customers import private_names


@dataclass(frozen=True)
class Names:
    """Whose names must not be public: everybody here, who took part, our customers, and whoever is on the list."""

    people: tuple[str, ...]
    customers: tuple[str, ...]

    def check(self, text: str) -> list[Found]:
        """What in `text` must not be public."""
        return check(text, people=self.people, customers=self.customers)

    def besides(self, *, people=(), customers=()) -> "Names":
        """These and others."""
        return Names((*self.people, *people), (*self.customers, *customers))


def our_names() -> Names:
    """Everybody who works here, by name and mailbox, our customers, and whoever is on the list; three queries."""
    people = [part for pair in User.objects.values_list("name", "email") for part in pair]
    customers = [*PrivateName.objects.values_list("name", flat=True), *private_names()]
    return Names(tuple(people), tuple(customers))
