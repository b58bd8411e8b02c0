"""Colours and figures as Grafana writes them."""

import math
import time
import zlib

COLOURS = {
    "green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2", "purple": "#b877d9",
    "yellow": "#fade2a", "super-light-yellow": "#fff899", "light-blue": "#8ab8ff", "semi-dark-blue": "#3274d9",
    "dark-blue": "#1f60c4", "text": "#9fa3ad", "transparent": "transparent",
}
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
SHADES = ["#5794f2", "#a9c8fb", "#2f6fd6", "#7fb0f7", "#1f4e9c", "#c9defd", "#3f83ee", "#1a3f7d"]


def colour(name: str) -> str:
    return COLOURS.get(name, name)


def by_name(name: str) -> str:
    return PALETTE[zlib.crc32(name.encode()) % len(PALETTE)]


def at_threshold(value: float, thresholds: dict) -> str:
    """The colour of the last step that `value` has reached."""
    reached = [step["color"] for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return colour(reached[-1])


def mapped(value: float, mappings: list) -> tuple[str, str] | None:
    """Text and colour of `value` where a mapping names it."""
    for mapping in mappings:
        found = mapping["options"].get(f"{value:g}")
        if found:
            return found["text"], colour(found["color"])
    return None


def figure(value: float, unit: str, decimals: int | None = None) -> str:
    """`value` with its unit."""
    if math.isnan(value):
        return "NaN"
    if unit == "percentunit":
        return digits(value * 100, decimals) + "%"
    if unit == "s":
        return duration(value, decimals)
    if unit == "bytes":
        return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"], decimals)
    if unit in ("watt", "hertz", "joule"):
        symbol = {"watt": "W", "hertz": "Hz", "joule": "J"}[unit]
        return scaled(value, 1000, [symbol, "k" + symbol, "M" + symbol, "G" + symbol], decimals)
    if unit == "celsius":
        return digits(value, decimals) + " °C"
    if unit.startswith("suffix:"):
        return digits(value, decimals) + " " + unit.removeprefix("suffix:")
    return digits(value, decimals)


def digits(value: float, decimals: int | None) -> str:
    if decimals is None:
        size = abs(value)
        decimals = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.01 else 4
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(value: float, base: int, names: list[str], decimals: int | None) -> str:
    power = 0
    while abs(value) >= base and power + 1 < len(names):
        value, power = value / base, power + 1
    return f"{digits(value, decimals)} {names[power]}"


def duration(seconds: float, decimals: int | None) -> str:
    for length, name in [(86400, "days"), (3600, "hours"), (60, "mins")]:
        if abs(seconds) >= length:
            return f"{digits(seconds / length, decimals)} {name}"
    if 0 < abs(seconds) < 1:
        return f"{digits(seconds * 1000, decimals)} ms"
    return f"{digits(seconds, decimals)} s"


def clock(at: float, span: float) -> str:
    return time.strftime("%H:%M:%S" if span < 1200 else "%H:%M", time.localtime(at))


def ticks(low: float, high: float, about: int, unit: str = "") -> list[float]:
    """Round values from `low` to `high`."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    base = 1
    if unit == "bytes":
        base = 1024 ** math.floor(math.log(max(raw, 1), 1024))
    elif unit == "s":
        base = next(length for length in (3600, 60, 1) if raw >= length * 0.9 or length == 1)
    raw /= base
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * times for times in (1, 2, 2.5, 5, 10) if power * times >= raw * 0.999) * base
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, int(math.floor(high / step + 1e-9)) + 1)]
