"""Draws one panel as SVG from its JSON and its series, in the manner of Grafana's dark theme."""

import math
from html import escape

import words

INK, FAINT, GRID = "#ccccdc", "#8e9199", "#2a2d33"


class Series:
    """A line of a panel: its name, the query that it comes from, and its points by time."""

    def __init__(self, name: str, query: str, labels: dict, points: list[tuple[float, float]]) -> None:
        self.name, self.query, self.labels, self.points = name, query, labels, points

    def last(self) -> float:
        return self.points[-1][1]


def text(x: float, y: float, content: str, size: float = 12, fill: str = INK, **more: str) -> str:
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="{fill}"{extra}>{escape(content)}</text>'


def rect(x: float, y: float, width: float, height: float, fill: str, **more: str) -> str:
    extra = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in more.items())
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{fill}"{extra}/>'


def overrides(panel: dict, series: Series) -> dict:
    """What the panel's overrides say of `series`."""
    said = {}
    for one in panel["fieldConfig"]["overrides"]:
        kind, of = one["matcher"]["id"], one["matcher"]["options"]
        if (kind == "byName" and of == series.name) or (kind == "byFrameRefID" and of == series.query):
            said.update({each["id"]: each["value"] for each in one["properties"]})
    return said


def colour_of(panel: dict, series: Series, index: int) -> str:
    color = overrides(panel, series).get("color") or panel["fieldConfig"]["defaults"]["color"]
    if color["mode"] == "fixed":
        return words.colour(color["fixedColor"])
    if color["mode"] == "shades":
        return words.SHADES[index % len(words.SHADES)]
    if color["mode"] == "palette-classic-by-name":
        return words.by_name(series.name)
    if color["mode"] == "thresholds":
        return words.at_threshold(series.last(), panel["fieldConfig"]["defaults"]["thresholds"])
    return words.PALETTE[index % len(words.PALETTE)]


def nothing(panel: dict, width: float, height: float) -> str:
    said = panel["fieldConfig"]["defaults"].get("noValue", "No data")
    return text(width / 2, height / 2, said, 15, FAINT, text_anchor="middle")


def graph(panel: dict, series: list[Series], box: tuple[float, float], frame: dict) -> str:
    """Lines or bars over time."""
    if not series:
        return nothing(panel, *box)
    width, height = box
    names, rows = legend(panel, series, width)
    bottom = height - 22 - 18 * rows
    lines = stacked(panel, series)
    low, high, marks = scale(panel, lines)
    unit, decimals = panel["fieldConfig"]["defaults"]["unit"], None
    left = 14 + max(len(words.figure(mark, unit, decimals)) for mark in marks) * 7
    across = lambda at: left + (at - frame["from"]) / (frame["to"] - frame["from"]) * (width - left - 10)
    bend = math.log10 if by_factors(panel) else float
    down = lambda value: bottom - (bend(max(value, low)) - bend(low)) / (bend(high) - bend(low)) * (bottom - 6)
    out = []
    for mark in marks:
        y = down(mark)
        out.append(f'<line x1="{left:.1f}" x2="{width - 10:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        out.append(text(left - 6, y + 4, words.figure(mark, unit, decimals), 11, FAINT, text_anchor="end"))
    out += times(frame, across, bottom)
    out += events(frame, across, bottom)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    # What lies below is drawn last where areas are piled up.
    for index, one, points in reversed(lines) if custom["stacking"]["mode"] == "normal" else lines:
        paint = colour_of(panel, one, index)
        if custom["drawStyle"] == "bars":
            out += bars(points, paint, (across, down, left, width - 10), frame["bar"])
        else:
            out.append(curve(points, paint, {**custom, **custom_of(panel, one)}, (across, down, low, frame)))
    return "".join(out) + names.replace("LEGEND-Y", f"{bottom + 34:.1f}")


def custom_of(panel: dict, series: Series) -> dict:
    said = overrides(panel, series)
    return {key.removeprefix("custom."): value for key, value in said.items() if key.startswith("custom.")}


def stacked(panel: dict, series: list[Series]) -> list:
    """Number, series and points (time, from, to) of each line, piled up where the panel says so."""
    pile = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    sums: dict[float, float] = {}
    lines = []
    for index, one in enumerate(series):
        piled = pile and custom_of(panel, one).get("stacking", {}).get("mode") != "none"
        points = []
        for at, value in one.points:
            below = sums.get(at, 0.0) if piled else 0.0
            sums[at] = below + value if piled else sums.get(at, 0.0)
            points.append((at, below, below + value))
        lines.append((index, one, points))
    return lines


def by_factors(panel: dict) -> bool:
    return panel["fieldConfig"]["defaults"]["custom"]["scaleDistribution"]["type"] == "log"


def scale(panel: dict, lines: list) -> tuple[float, float, list[float]]:
    defaults = panel["fieldConfig"]["defaults"]
    values = [top for _, _, points in lines for _, _, top in points]
    if by_factors(panel):
        low, high = (math.floor(math.log10(max(min(values), 1e-6))), math.ceil(math.log10(max(values) * 1.01)))
        return 10.0**low, 10.0**high, [10.0**power for power in range(low, high + 1)]
    low, high = min(values), max(values)
    low = min(low, defaults["min"]) if "min" in defaults else low
    high = max(high, defaults["max"]) if "max" in defaults else high
    if high - low < 1e-9:
        high = low + (abs(low) or 1.0)
    room = 0 if "max" in defaults else (high - low) * 0.08
    low -= 0 if "min" in defaults else room
    high += room
    return low, high, words.ticks(low, high, 4, defaults["unit"])


def times(frame: dict, across, bottom: float) -> list[str]:
    span = frame["to"] - frame["from"]
    round_steps = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)
    step = next(step for step in round_steps if span / step <= frame["ticks"])
    first = frame["from"] - frame["from"] % step + step
    marks = [first + index * step for index in range(int((frame["to"] - first) // step) + 1)]
    return [text(across(at), bottom + 15, words.clock(at, span), 11, FAINT, text_anchor="middle")
            for at in marks if at < frame["to"] - span * 0.03]


def events(frame: dict, across, bottom: float) -> list[str]:
    """Annotations: a line for a moment, a pale band for what lasts."""
    out = []
    for since, until, paint in frame["events"]:
        if until > since:
            out.append(rect(across(since), 2, across(until) - across(since), bottom - 2, paint, opacity="0.07"))
        out.append(f'<line x1="{across(since):.1f}" x2="{across(since):.1f}" y1="2" y2="{bottom:.1f}" stroke="{paint}" '
                   f'stroke-dasharray="3 3" opacity="0.55"/>')
        out.append(f'<path d="M{across(since) - 4:.1f} {bottom + 5:.1f}h8l-4 -6z" fill="{paint}"/>')
    return out


def curve(points: list, paint: str, custom: dict, place: tuple) -> str:
    across, down, low, frame = place
    parts: list[list] = [[]]
    for point in points:
        if parts[-1] and point[0] - parts[-1][-1][0] > frame["step"] * 1.5:
            parts.append([])
        parts[-1].append(point)
    dash = ' stroke-dasharray="8 6"' if custom.get("lineStyle", {}).get("fill") == "dash" else ""
    out = []
    for part in filter(None, parts):
        line = "L".join(f"{across(at):.1f} {down(top):.1f}" for at, _, top in part)
        if custom["fillOpacity"]:
            back = "L".join(f"{across(at):.1f} {down(max(base, low)):.1f}" for at, base, _ in reversed(part))
            out.append(f'<path d="M{line}L{back}z" fill="{paint}" opacity="{custom["fillOpacity"] / 100}"/>')
        out.append(f'<path d="M{line}" fill="none" stroke="{paint}" stroke-width="{custom["lineWidth"] * 0.8:.1f}" '
                   f'stroke-linejoin="round"{dash}/>')
    return "".join(out)


def bars(points: list, paint: str, place: tuple, step: float) -> list[str]:
    across, down, left, right = place
    wide, out = (across(step) - across(0)) * 0.8, []
    for at, base, top in points:
        since, until = max(across(at) - wide / 2, left), min(across(at) + wide / 2, right)
        if top > base:
            out.append(rect(since, down(top), until - since, down(base) - down(top), paint, opacity="0.9"))
    return out


def legend(panel: dict, series: list[Series], width: float) -> tuple[str, int]:
    """The names below a graph, and the number of their lines."""
    x, row, out, seen = 12.0, 0, [], set()
    for index, one in enumerate(series):
        if one.name in seen:
            continue
        seen.add(one.name)
        wide = 32 + len(one.name) * 7.6
        if x + wide > width and x > 12:
            x, row = 12.0, row + 1
        out.append((x, row, one.name, colour_of(panel, one, index)))
        x += wide
    drawn = "".join(
        f'<g transform="translate({x:.1f} {row * 18})"><g transform="translate(0 LEGEND-Y)">'
        f'{rect(0, -5, 14, 3, paint, rx="1.5")}{text(19, 0, name, 12)}</g></g>' for x, row, name, paint in out)
    return drawn, row + 1


def stat(panel: dict, series: list[Series], box: tuple[float, float], frame: dict) -> str:
    """One large figure, with its past behind it where the panel asks for it."""
    if not series:
        return nothing(panel, *box)
    (width, height), defaults, value = box, panel["fieldConfig"]["defaults"], series[0].last()
    said = words.mapped(value, defaults["mappings"])
    shown, paint = said or (words.figure(value, defaults["unit"], defaults.get("decimals")),
                            words.at_threshold(value, defaults["thresholds"]))
    if "color" in (by_query := overrides(panel, series[0])):
        paint = words.colour(by_query["color"]["fixedColor"])
    size = min(height * 0.42, width / max(len(shown), 3) * 1.45, 54)
    out = []
    if panel["options"]["colorMode"] == "background_solid":
        out.append(rect(0, -30, width, height + 30, paint, rx="3"))
        out.append(text(12, -10, panel["title"], 14, "#fff", font_weight="500"))
        large = text(width / 2, height * 0.6, shown, size * 1.1, "#fff", text_anchor="middle", font_weight="600")
        return "".join(out) + large
    if panel["options"]["graphMode"] == "area" and len(series[0].points) > 1:
        out.append(spark(series[0].points, paint, (width, height), frame))
    place = height * 0.47 if panel["options"]["graphMode"] == "area" else height * 0.6
    return "".join(out) + text(width / 2, place, shown, size, paint, text_anchor="middle", font_weight="500")


def spark(points: list, paint: str, box: tuple[float, float], frame: dict) -> str:
    width, height = box
    values = [value for _, value in points]
    low, high = min(values), max(values)
    across = lambda at: (at - frame["from"]) / (frame["to"] - frame["from"]) * width
    down = lambda value: height - 4 - (value - low) / ((high - low) or 1) * height * 0.36
    line = "L".join(f"{across(at):.1f} {down(value):.1f}" for at, value in points)
    area = f"M{line}L{across(points[-1][0]):.1f} {height}L{across(points[0][0]):.1f} {height}z"
    drawn = f'<path d="M{line}" fill="none" stroke="{paint}" stroke-width="1.4"/>'
    return f'<path d="{area}" fill="{paint}" opacity="0.15"/>{drawn}'


def lanes(panel: dict, series: list[Series], box: tuple[float, float], frame: dict) -> str:
    """One lane for each series, its colour the value."""
    if not series:
        return nothing(panel, *box)
    (width, height), defaults = box, panel["fieldConfig"]["defaults"]
    left = 14 + max(len(one.name) for one in series) * 7.4
    bottom = height - 24
    across = lambda at: left + (at - frame["from"]) / (frame["to"] - frame["from"]) * (width - left - 10)
    each = (bottom - 4) / len(series)
    out = times(frame, across, bottom)
    for row, one in enumerate(series):
        y = 4 + row * each
        out.append(text(left - 8, y + each / 2 + 4, one.name, 12, INK, text_anchor="end"))
        for since, until, value in spans(one.points, frame["step"]):
            said = words.mapped(value, defaults["mappings"])
            paint = said[1] if said else words.at_threshold(value, defaults["thresholds"])
            if paint != "transparent":
                wide = across(until) - across(since)
                out.append(rect(across(since), y + each * 0.1, wide, each * 0.8, paint, opacity="0.85"))
    return "".join(out)


def spans(points: list, step: float) -> list[tuple[float, float, float]]:
    """Since when, until when, and what, for each run of the same value."""
    runs: list[list] = []
    for at, value in points:
        if runs and runs[-1][2] == value and at - runs[-1][1] <= step * 0.5:
            runs[-1][1] = at + step
        else:
            runs.append([at, at + step, value])
    return [tuple(run) for run in runs]


def gauge(panel: dict, series: list[Series], box: tuple[float, float], frame: dict) -> str:
    if not series:
        return nothing(panel, *box)
    (width, height), defaults = box, panel["fieldConfig"]["defaults"]
    left = 16 + max(len(one.name) for one in series) * 8.6
    most = max(max(one.last() for one in series), 1e-9)
    each, out = (height - 8) / len(series), []
    for row, one in enumerate(series):
        y, paint, full = row * each, colour_of(panel, one, row), width - left - 50
        out.append(text(left - 8, y + each / 2 + 4, one.name, 12, INK, text_anchor="end"))
        out.append(rect(left, y + each * 0.2, full, each * 0.6, "#22252b", rx="2"))
        out.append(rect(left, y + each * 0.2, full * one.last() / most, each * 0.6, paint, rx="2"))
        shown = words.figure(one.last(), defaults["unit"], defaults.get("decimals"))
        out.append(text(left + full + 10, y + each / 2 + 6, shown, 15, paint))
    return "".join(out)


def table(panel: dict, rows: list[dict], box: tuple[float, float], frame: dict) -> str:
    """`rows` are cells by the title of their column; the columns stand in the order of the panel."""
    if not rows:
        return nothing(panel, *box)
    width, columns = box[0], panel["columns"]
    given = {one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
             for one in panel["fieldConfig"]["overrides"]}
    fixed = sum(given[title].get("custom.width", 0) for title in columns)
    free = (width - 20 - fixed) / max(sum("custom.width" not in given[title] for title in columns), 1)
    x, out = 10.0, []
    for title in columns:
        said = given[title]
        wide = said.get("custom.width", free)
        out.append(text(x + 6, 16, title, 12, "#6e9fff", font_weight="500"))
        for number, row in enumerate(rows):
            out.append(cell(row.get(title), {**panel["fieldConfig"]["defaults"], **said}, (x, 26 + number * 30, wide)))
        x += wide
    heights = [26 + 30 * number for number in range(len(rows) + 1)]
    rules = [f'<line x1="10" x2="{width - 10:.1f}" y1="{y}" y2="{y}" stroke="{GRID}"/>' for y in heights]
    return "".join(rules + out)


def cell(value, said: dict, place: tuple[float, float, float]) -> str:
    x, y, wide = place
    if value is None:
        return ""
    if isinstance(value, str):
        return text(x + 6, y + 20, value, 13, "#6e9fff" if "links" in said else INK)
    mapped = words.mapped(value, said["mappings"])
    shown = mapped[0] if mapped else words.figure(value, said["unit"], said.get("decimals"))
    judged = "custom.cellOptions" in said
    paint = mapped[1] if mapped else words.at_threshold(value, said["thresholds"]) if judged else INK
    if said.get("custom.cellOptions", {}).get("type") == "color-background":
        return rect(x, y + 1, wide - 2, 28, paint) + text(x + 8, y + 20, shown, 13, "#fff", font_weight="600")
    return text(x + 6, y + 20, shown, 13, paint)


KINDS = {"timeseries": graph, "stat": stat, "state-timeline": lanes, "bargauge": gauge, "table": table}
