"""How captions begin, in the languages that documents are mostly in: `Table 3.1`, `Abb. 2:`, `\u56f3 1`."""

from __future__ import annotations

import re

__all__ = ["CAPTION", "TABLE_CAPTION"]

_TABLE = (
    r"Table|TABLE|Tab\.|Tabelle|Tableau|Tabla|Tabella|Tabela|Tabell?|Taulukko"
    r"|\u0422\u0430\u0431\u043b(?:\u0438\u0446\u0430|\.)|\u8868|\ud45c"
)
_OTHER = (
    r"Fig(?:ure)?s?\.?|FIG(?:URE)?\.?|Chart|Scheme|Plate|Exhibit|Box"
    r"|Abb(?:ildung|\.)|Figura|Figur|Kuva|Afbeelding|\u0420\u0438\u0441(?:\u0443\u043d\u043e\u043a|\.)"
    r"|[\u56f3\u56fe]|\uadf8\ub9bc"
)
_NUMBER = r"(?:(?:\d[\d.\-\u2013]*|[IVXL]+|[A-Z][.\-]?\d[\d.\-]*)[a-z]?|[A-Z])(?![A-Za-z])"

TABLE_CAPTION = re.compile(rf"(?:{_TABLE})\s*{_NUMBER}")
"""The beginning of a text that stands beside a table."""

CAPTION = re.compile(
    rf"(?:Supplementary |Extended Data |[\[<(])?(?:{_TABLE}|{_OTHER})\s*{_NUMBER}"
    r"(?P<end>[.:|\u2014\u2013)\]>\uff1a\uff0e]|\s|$)"
)
"""The beginning of a paragraph that may be a caption; `end` is what stands behind its number."""
