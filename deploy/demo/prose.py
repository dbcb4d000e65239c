"""Sentences for the sample documents: plain English about running a harbour, the same on every run."""

from __future__ import annotations

import random

__all__ = ["CHAPTERS", "paragraph"]

CHAPTERS: dict[str, tuple[str, ...]] = {
    "Berths and moorings": ("Allocating a berth", "Mooring lines", "Fenders and bollards"),
    "Pilotage": ("Ordering a pilot", "Boarding arrangements", "Turning in the basin"),
    "Cargo handling": ("Before the hatch is opened", "Cranes and slings", "Dangerous goods"),
    "Weather and tides": ("Reading the gauge", "Wind limits", "Closing the port"),
    "Fuel and fresh water": ("Bunkering", "The water meters", "Spills"),
    "Lights and signals": ("Leading lights", "Traffic signals", "Fog"),
    "Maintenance": ("The inspection round", "Dredging", "Paint and corrosion"),
    "Records and reports": ("The daily log", "Accidents and near misses", "Keeping documents"),
}

_WHO = (
    "The harbour master",
    "The duty officer",
    "The berth planner",
    "Each watch",
    "The crane driver",
    "The pilot on call",
    "The shift leader",
    "The port office",
    "The linesman",
    "A trained deputy",
)
_DOES = (
    "checks",
    "records",
    "confirms",
    "inspects",
    "announces",
    "releases",
    "measures",
    "reviews",
    "signs for",
    "reports",
)
_WHAT = (
    "the condition of the lines",
    "the draught on both sides",
    "the readings of the tide gauge",
    "every movement in the basin",
    "the state of the fenders",
    "the position of the gangway",
    "the pressure in the hoses",
    "the lamps on the breakwater",
    "the weight on the hook",
    "the numbers of the sealed tanks",
)
_WHEN = (
    "before the vessel comes alongside",
    "at the change of the watch",
    "within one hour of arrival",
    "as long as cargo is being worked",
    "whenever the wind rises above force six",
    "at low water and again at high water",
    "once the last line is ashore",
    "no later than noon of the following day",
)
_WHY = (
    "An entry without a time is treated as missing.",
    "Two people are needed for this, never one.",
    "Where the two values differ, the smaller one counts.",
    "The reason for any delay is noted in the same place.",
    "Nothing moves until the answer has been repeated back.",
    "The old method, by eye alone, is no longer accepted.",
    "Copies are kept for seven years.",
    "If in doubt, the operation stops and the office is called.",
    "This applies to visiting yachts in the same way.",
    "Experience shows that most damage begins here.",
)


def paragraph(rng: random.Random, sentences: int) -> str:
    """A paragraph of so many sentences, drawn from `rng`."""
    made: list[str] = []
    for number in range(sentences):
        if number % 3 == 2:
            made.append(rng.choice(_WHY))
            continue
        who, does, what, when = (rng.choice(part) for part in (_WHO, _DOES, _WHAT, _WHEN))
        if number % 2:
            made.append(f"{when[0].upper()}{when[1:]}, {who[0].lower()}{who[1:]} {does} {what}.")
        else:
            made.append(f"{who} {does} {what} {when}.")
    return " ".join(made)
