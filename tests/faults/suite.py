"""The faults that are injected here: each is a function that does it to a field, by the row of the catalogue."""

FAULTS = {}  # row → (function, whether it belongs to the quick half)


def fault(*rows, is_quick=True):
    """The function does what these rows of the catalogue name, and checks what is particular; the field judges the rest."""

    def remember(function):
        for row in rows:
            assert row not in FAULTS, row
            FAULTS[row] = (function, is_quick)
        return function

    return remember
