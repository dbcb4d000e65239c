"""How good what comes out is, beside other tools, on documents of which people wrote down what is right.

    python benchmarks/quality.py CORPUS_FOLDER [--parts tables,checks,text] [--engines fast,find_tables,...]
                                 [--timeout 60] [--json] [--each]

Five parts, each with time and peak memory of every engine, each engine in a process of its own:

- tables: adjacency relations of cells (ICDAR 2013), precision, recall and F1 of each document, their means;
- checks: those of olmOCR-bench: share of texts that are there, absent, in order, of cells in their place;
- text: likeness of the sequence of words, and F1 of headings, where the truth is Markdown;
- outlines: F1 of headings, where the truth is the document's outline, which engines do not get to see. The
  rules for headings were tuned on the documents at even places only; the others are reported as held out;
- scripts: likeness of the text to pdftotext's, where it is not written in Latin letters, and the share of
  documents of which the language is told rightly, where the engine tells it.

What is not installed is left out and named. An engine that takes longer than `--timeout` for a document gets
nothing for it, and the time counts. For PyMuPDF 2 with its layout model run this with an interpreter that
has it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _truth.checks import check_documents, is_scan, passes
from _truth.engines import ENGINES, Engine
from _truth.outlines import outline_counts, outline_documents
from _truth.scripts import script_documents, script_languages, similarity
from _truth.tables import Score, icdar_documents, icdar_tables, mean, score
from _truth.text import heading_counts, order_similarity, text_documents
from _truth.worker import EngineProcess

Row = dict[str, Any]


def measure_tables(engine: EngineProcess, corpus: Path) -> tuple[Row, list[Row]]:
    """Mean and single scores of one engine on the ICDAR tables."""
    rows: list[Row] = []
    seconds = 0.0
    for path in icdar_documents(corpus):
        found, took = engine.ask("tables", str(path))
        seconds += took
        result = score(found or [], icdar_tables(path))
        rows.append(
            {
                "document": path.stem,
                "precision": round(result.precision, 3),
                "recall": round(result.recall, 3),
                "f1": round(result.f1, 3),
                "counts": (result.right, result.found, result.true),
            }
        )
    total = Score(*(sum(row["counts"][index] for row in rows) for index in range(3)))
    summary: Row = {name: round(mean(row[name] for row in rows), 3) for name in ("precision", "recall", "f1")}
    summary |= {"f1_all_cells": round(total.f1, 3), "documents": len(rows), "seconds": round(seconds, 2)}
    return summary, rows


def measure_checks(engine: EngineProcess, corpus: Path) -> tuple[Row, list[Row]]:
    """Share of the olmOCR-bench checks that one engine passes, over all and by type."""
    rows: list[Row] = []
    seconds = 0.0
    passed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for path, checks in sorted(check_documents(corpus).items()):
        text, took = engine.ask("markdown", str(path))
        seconds += took
        good = 0
        for check in checks:
            is_good = text is not None and passes(check, text)
            good += is_good
            for kind in (check["type"], "all", "scans" if is_scan(path) else "with_text"):
                asked[kind] += 1
                passed[kind] += is_good
        rows.append({"document": path.stem, "passed": good, "checks": len(checks)})
    summary: Row = {kind: f"{passed[kind]}/{asked[kind]}" for kind in sorted(asked)}
    summary["rate_with_text"] = round(passed["with_text"] / max(asked["with_text"], 1), 3)
    summary |= {"rate": round(passed["all"] / max(asked["all"], 1), 3), "seconds": round(seconds, 2)}
    return summary, rows


def measure_text(engine: EngineProcess, corpus: Path) -> tuple[Row, list[Row]]:
    """Reading order and headings of one engine."""
    rows: list[Row] = []
    seconds = 0.0
    counts = [0, 0, 0]
    for path, truth_path, _ in text_documents(corpus):
        truth = truth_path.read_text(encoding="utf-8")
        text, took = engine.ask("markdown", str(path))
        seconds += took
        right = heading_counts(text or "", truth)
        counts = [a + b for a, b in zip(counts, right, strict=True)]
        row = {"document": path.stem, "order": round(order_similarity(text or "", truth), 3)}
        rows.append(row | {"headings_f1": round(Score(*right).f1, 3), "headings": right[2]})
    with_headings = [row["headings_f1"] for row in rows if row["headings"]]
    summary: Row = {
        "order": round(mean(row["order"] for row in rows), 3),
        "headings_f1": round(mean(with_headings), 3),
        "headings_f1_all": round(Score(*counts).f1, 3),
        "documents": len(rows),
        "seconds": round(seconds, 2),
    }
    return summary, rows


def measure_outlines(engine: EngineProcess, corpus: Path) -> tuple[Row, list[Row]]:
    """Headings of one engine beside the titles of the outline."""
    rows: list[Row] = []
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for path, titles in outline_documents(corpus, Path(folder)):
            text, took = engine.ask("markdown", str(path))
            seconds += took
            result = Score(*outline_counts(text or "", titles))
            row = {"document": path.stem, "precision": round(result.precision, 3)}
            rows.append(row | {"recall": round(result.recall, 3), "f1": round(result.f1, 3)})
    return {
        "f1": round(mean(row["f1"] for row in rows), 3),
        "f1_tuned_on": round(mean(row["f1"] for row in rows[::2]), 3),
        "f1_held_out": round(mean(row["f1"] for row in rows[1::2]), 3),
        "documents": len(rows),
        "seconds": round(seconds, 2),
    }, rows


def measure_scripts(engine: EngineProcess, corpus: Path) -> tuple[Row, list[Row]]:
    """Text of one engine beside pdftotext's, and the language that it tells."""
    rows: list[Row] = []
    seconds = 0.0
    reference: Engine | None = ENGINES["pdftotext"]()
    summary: Row = {}
    try:
        reference.load()
    except ImportError as error:
        reference, summary["not_measured"] = None, str(error)
    languages = script_languages(corpus) if "language" in engine.asks else {}
    for path in script_documents(corpus):
        text, took = engine.ask("markdown", str(path))
        seconds += took
        row: Row = {"document": path.stem}
        if reference is not None:
            row["similarity"] = round(similarity(text or "", reference.markdown(str(path))), 3)
        if path in languages:
            row["language"] = engine.ask("language", str(path))[0]
            row["is_right"] = row["language"] == languages[path]
        rows.append(row)
    if reference is not None:
        summary["similarity"] = round(mean(row["similarity"] for row in rows), 3)
        summary["least"] = min((row["similarity"] for row in rows), default=0.0)
    if languages:
        summary["languages"] = f"{sum(row.get('is_right', False) for row in rows)}/{len(languages)}"
    return summary | {"documents": len(rows), "seconds": round(seconds, 2)}, rows


PARTS = {
    "tables": ("tables", measure_tables),
    "checks": ("markdown", measure_checks),
    "text": ("markdown", measure_text),
    "outlines": ("markdown", measure_outlines),
    "scripts": ("markdown", measure_scripts),
}


def measure(corpus: Path, parts: list[str], names: list[str], timeout: float) -> Row:
    """Run every engine on every part it can be asked for."""
    report: Row = {part: {} for part in parts}
    report["left_out"] = {}
    for name in names:
        for part in parts:
            engine = EngineProcess(name, timeout)
            if engine.missing:
                report["left_out"][name] = engine.missing
                break
            question, run = PARTS[part]
            if question in engine.asks:
                print(f"{part}: {name}", file=sys.stderr, flush=True)
                summary, rows = run(engine, corpus)
                summary |= {"peak_mib": round(engine.peak_mib), "version": engine.version}
                if engine.failures:
                    summary["failures"] = engine.failures
                report[part][name] = {"summary": summary, "documents": rows}
            engine.close()
    return report


def show(report: Row, parts: list[str], *, each: bool) -> None:
    """Print the report as tables."""
    for part in parts:
        print(f"\n{part}")
        for name, result in report[part].items():
            facts = {key: value for key, value in result["summary"].items() if key != "failures"}
            print(f"  {name:<16}" + "  ".join(f"{key} {value}" for key, value in facts.items()))
            for path, reason in result["summary"].get("failures", ()):
                print(f"    failed: {path}: {reason}")
            if each:
                for row in result["documents"]:
                    print("    " + "  ".join(f"{key} {value}" for key, value in row.items()))
    for name, reason in report["left_out"].items():
        print(f"\nleft out: {name}: {reason}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, help="the corpus folder, the one with `truth` in it")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)} (default: all)")
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {','.join(ENGINES)} (default: all)")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a document may take (60)")
    parser.add_argument("--each", action="store_true", help="print every document's score, too")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    parts, names = arguments.parts.split(","), arguments.engines.split(",")
    unknown = [name for name in parts if name not in PARTS] + [name for name in names if name not in ENGINES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    if not (arguments.corpus / "truth").is_dir():
        print(f"no folder `truth` in {arguments.corpus}: name the corpus folder", file=sys.stderr)
        return 2
    report = {"python": sys.version.split()[0], **measure(arguments.corpus, parts, names, arguments.timeout)}
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        show(report, parts, each=arguments.each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
