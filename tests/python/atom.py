"""Reads an Atom feed on standard input; its entries, and what it lacks by RFC 4287, as JSON."""

import datetime
import json
import re
import sys
import xml.etree.ElementTree as tree

ATOM = "{http://www.w3.org/2005/Atom}"
# RFC 4151: an authority, a date, and a specific part.
TAG = re.compile(r"tag:[a-z0-9.-]+,\d{4}(-\d\d(-\d\d)?)?:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")


def faults(element: tree.Element, once: list[str]) -> list[str]:
    """What every feed and entry must have, once and not empty."""
    found = [f"{element.tag}: {len(element.findall(ATOM + name))} {name}" for name in once if len(element.findall(ATOM + name)) != 1]
    for name in once:
        found += [f"an empty {name}" for one in element.findall(ATOM + name) if not "".join(one.itertext()).strip()]
    for one in element.findall(ATOM + "id"):
        found += [] if TAG.fullmatch(one.text or "") else [f"no tag URI: {one.text}"]
    for one in element.findall(ATOM + "updated"):
        try:
            datetime.datetime.strptime(one.text or "", "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            # The calendar of Python begins with the year 1.
            found += [] if re.fullmatch(r"-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one.text or "") else [f"no time: {one.text}"]
    links = element.findall(ATOM + "link")
    kinds = [(link.get("rel"), link.get("type")) for link in links]
    found += [f"two links of one kind: {kinds}"] if len(set(kinds)) != len(kinds) else []
    found += [f"a link without address: {kinds}" for link in links if not link.get("href")]
    return found


def main() -> None:
    feed = tree.fromstring(sys.stdin.buffer.read())
    found = [] if feed.tag == ATOM + "feed" else [f"the root is {feed.tag}"]
    found += faults(feed, ["id", "title", "updated", "author"])
    found += [] if feed.find(f"{ATOM}author/{ATOM}name") is not None else ["an author without a name"]
    found += [] if any(link.get("rel") == "self" for link in feed.findall(ATOM + "link")) else ["no link to itself"]
    entries = feed.findall(ATOM + "entry")
    for entry in entries:
        found += faults(entry, ["id", "title", "updated", "summary"])
        found += [] if entry.find(ATOM + "link") is not None else ["an entry without a link"]
    ids = [entry.findtext(ATOM + "id") for entry in entries]
    found += ["two entries of one id"] if len(set(ids)) != len(ids) else []
    told = [
        {"id": entry.findtext(ATOM + "id"), "updated": entry.findtext(ATOM + "updated"),
         "link": entry.find(ATOM + "link").get("href")}
        for entry in entries
    ]
    json.dump({"faults": found, "entries": told}, sys.stdout)


main()
