"""Rows that follow the files they came from, field by field, until somebody here changes a field.

What was made here, by a person or by Aftercare itself, stays as it is here. The history knows which is which.
"""

from incidents.imports.following import changed_by_people


def follow(held, wanted, make, keeping, *, together=()) -> list:
    """The row of each of `wanted`: held ones brought in line, where nobody here changed them, and new ones made.

    `held` has the row of each, or None; `make` makes a new one. Of the fields in one tuple of `together`, the file's
    stand only if all of them do: they say one thing.
    """
    ours = _ours(held, wanted, together)
    rows = []
    for row, values in zip(held, wanted, strict=True):
        if row is None:
            keeping.put(row := make(), values)
        else:
            keeping.put(row, _theirs(values, ours.get(row.pk, set()), together))
        rows.append(row)
    return rows


def _ours(held, wanted, together) -> dict[int, set]:
    pairs = [(row, values) for row, values in zip(held, wanted, strict=True) if row is not None]
    different = [row for row, values in pairs if any(getattr(row, n) != v for n, v in values.items())]
    names = {name for _, values in pairs for name in values}
    return changed_by_people(different, sorted(names)) if different else {}


def _theirs(values, ours, together) -> dict:
    for names in together:
        if ours & set(names):
            ours = ours | set(names)
    return {name: value for name, value in values.items() if name not in ours}
