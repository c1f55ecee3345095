"""A table of measurements: kept as JSON and printed. Ratios are of figures from one run."""

import json
import os
import statistics


def percentile(values, share):
    ordered = sorted(values)
    if not ordered:
        return None
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


class Table:
    def __init__(self, name):
        self.name, self.rows = name, []

    def add(self, what, unit, ours, peer=None, limit=None, runs=1):
        """limit: the highest ratio ours/peer allowed, or with peer None the highest value allowed."""
        ratio = ours / peer if peer not in (None, 0) and ours is not None else None
        judged = ratio if peer is not None else ours
        met = None if limit is None or judged is None else judged <= limit
        self.rows.append({"what": what, "unit": unit, "ours": ours, "peer": peer, "ratio": ratio, "limit": limit, "met": met, "runs": runs})

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, self.name + ".json"), "w") as out:
            json.dump(self.rows, out, indent=1)
            out.write("\n")

    def show(self):
        def cell(value):
            return "-" if value is None else ("%.2f" % value if isinstance(value, float) else str(value))
        lines = [["what", "unit", "ours", "peer", "ratio", "limit", "met", "runs"]]
        for r in self.rows:
            lines.append([r["what"], r["unit"], cell(r["ours"]), cell(r["peer"]), cell(r["ratio"]), cell(r["limit"]),
                          {None: "-", True: "yes", False: "NO"}[r["met"]], str(r["runs"])])
        widths = [max(len(line[i]) for line in lines) for i in range(8)]
        print("\n== %s" % self.name)
        for line in lines:
            print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())

    def met(self):
        return all(r["met"] is not False for r in self.rows)


def median(values):
    return statistics.median(values) if values else None
