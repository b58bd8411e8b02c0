"""Draws a dashboard's panels with the data of a Prometheus, as a web page for a browser to take a picture of.

draw.py DASHBOARD.json PROMETHEUS-URL JOB INSTANCE SECONDS ROWS > page.html

It asks what Grafana would ask: the same expressions over the last SECONDS, the variables filled in. ROWS of the grid
are drawn. What is folded away is not drawn.
"""

import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request

import marks
import words

WIDTH, CELL, GAP = 1600, 30, 8
SCRAPE = 1.0


class Prometheus:
    def __init__(self, url: str, variables: dict[str, str], frame: dict) -> None:
        self.url, self.variables, self.frame = url, variables, frame

    def filled(self, expr: str, step: float) -> str:
        """Grafana's variables replaced as Grafana would."""
        shown = self.frame["to"] - self.frame["from"]
        lengths = {"$__rate_interval": max(step + SCRAPE, 4 * SCRAPE), "$__range": shown}
        for name, seconds in lengths.items():
            expr = expr.replace(name, f"{math.ceil(seconds)}s")
        expr = expr.replace("$__interval_ms", f"{step * 1000:.0f}")
        for name, value in self.variables.items():
            expr = expr.replace(f"${name}", value)
        return expr

    def ask(self, kind: str, **question: str) -> list[dict]:
        url = f"{self.url}/api/v1/{kind}?{urllib.parse.urlencode(question)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]["result"]

    def over_time(self, expr: str, step: float) -> list[tuple[dict, list]]:
        since = math.ceil(self.frame["from"] / step) * step
        found = self.ask("query_range", query=self.filled(expr, step), start=since, end=self.frame["to"], step=step)
        numbers = lambda values: [(float(at), float(value)) for at, value in values if value != "NaN"]
        return [(one["metric"], points) for one in found if (points := numbers(one["values"]))]

    def now(self, expr: str) -> list[tuple[dict, list]]:
        found = self.ask("query", query=self.filled(expr, self.frame["step"]), time=self.frame["to"])
        return [(one["metric"], [(float(one["value"][0]), float(one["value"][1]))]) for one in found]


def series(prometheus: Prometheus, panel: dict) -> list[marks.Series]:
    step = max(prometheus.frame["step"], {"1m": 60.0}.get(panel.get("interval"), 0.0))
    found = []
    for target in panel["targets"]:
        ask = prometheus.now if target["instant"] else lambda expr: prometheus.over_time(expr, step)
        for labels, points in ask(target["expr"]):
            name = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), target["legendFormat"])
            found.append(marks.Series(name, target["refId"], labels, points))
    return found


def rows(prometheus: Prometheus, panel: dict) -> list[dict]:
    """What the panel's transformations make of its queries: one row for each set of labels, columns named."""
    organized = panel["transformations"][1]["options"]
    named, order = organized["renameByName"], organized["indexByName"]
    panel["columns"] = [named[key] for key in sorted(order, key=order.get)]
    merged: dict[tuple, dict] = {}
    for target in panel["targets"]:
        value = f"Value #{target['refId']}" if len(panel["targets"]) > 1 else "Value"
        for labels, points in prometheus.now(target["expr"]):
            row = merged.setdefault(tuple(sorted(labels.items())), {**labels})
            row[value] = points[-1][1]
    cells = [{named[key]: value for key, value in row.items() if key in named} for row in merged.values()]
    for sort in panel["options"]["sortBy"]:
        cells.sort(key=lambda row: row.get(sort["displayName"], -1), reverse=sort["desc"])
    return cells


def events(prometheus: Prometheus, annotations: list[dict]) -> list[tuple[float, float, str]]:
    """Since when, until when, and the colour, of what is marked in every graph."""
    found, frame = set(), prometheus.frame
    for annotation in filter(lambda one: one["enable"], annotations):
        paint = words.colour(annotation["iconColor"])
        for _, points in prometheus.over_time(annotation["expr"], frame["step"]):
            if annotation["useValueForTime"]:
                found |= {(value / 1000, value / 1000, paint) for _, value in points}
            else:
                found |= {(since, until, paint) for since, until, _ in marks.spans(points, frame["step"])}
    return sorted(one for one in found if one[0] >= frame["from"])


def drawn(prometheus: Prometheus, panel: dict) -> str:
    place = panel["gridPos"]
    column = (WIDTH - 2 * GAP) / 24
    x, y = GAP + place["x"] * column, place["y"] * (CELL + GAP)
    width, height = place["w"] * column - GAP, place["h"] * (CELL + GAP) - GAP
    at = f'<g transform="translate({x:.1f} {y:.1f})">'
    if panel["type"] == "row":
        mark = "›" if panel["collapsed"] else "⌄"
        return f'{at}{marks.text(6, 20, mark + "  " + panel["title"], 15, marks.INK, font_weight="500")}</g>'
    bar = 60.0 if "interval" in panel else prometheus.frame["step"]
    frame = {**prometheus.frame, "ticks": width / 110, "bar": bar}
    find = rows if panel["type"] == "table" else series
    inner = marks.KINDS[panel["type"]](panel, find(prometheus, panel), (width, height - 34), frame)
    title = marks.text(12, 21, panel["title"], 14, marks.INK, font_weight="500")
    border = marks.rect(0.5, 0.5, width - 1, height - 1, "#181b1f", stroke="#2c2f36", rx="3")
    within = f'<rect width="{width:.1f}" height="{height - 4:.1f}" y="-30"/>'
    clip = f'<clipPath id="p{panel["id"]}">{within}</clipPath>'
    return f'{at}{border}{title}{clip}<g transform="translate(0 30)" clip-path="url(#p{panel["id"]})">{inner}</g></g>'


def main(path: str, url: str, job: str, instance: str, seconds: str, grid: str) -> None:
    with open(path, encoding="utf-8") as file:
        dashboard = json.load(file)
    now = math.floor(time.time()) - 1
    frame = {"from": now - float(seconds), "to": now, "step": max(1.0, math.ceil(float(seconds) / 600)), "events": []}
    prometheus = Prometheus(url, {"job": job, "instance": instance}, frame)
    frame["events"] = events(prometheus, dashboard["annotations"]["list"])
    panels = [panel for panel in dashboard["panels"] if panel["gridPos"]["y"] + panel["gridPos"]["h"] <= int(grid)]
    inner = "".join(drawn(prometheus, panel) for panel in panels)
    height = int(grid) * (CELL + GAP) + GAP
    print(f'<!doctype html><meta charset="utf-8"><style>body{{margin:0;background:#111217}}</style>'
          f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
          f'font-family="Inter,Roboto,Helvetica,Arial,sans-serif"><g transform="translate(0 {GAP})">{inner}</g></svg>')


if __name__ == "__main__":
    main(*sys.argv[1:])
