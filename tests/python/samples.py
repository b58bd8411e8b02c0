"""Parses a metrics page from standard input with prometheus-client, and prints its samples as JSON.

The argument says which parser: `text` or `openmetrics`. A page that the parser refuses ends in its traceback.
"""

import json
import sys


def main(which: str) -> None:
    if which == "openmetrics":
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    else:
        from prometheus_client.parser import text_string_to_metric_families
    page = sys.stdin.buffer.read().decode("utf-8")
    families = [
        {
            "name": family.name,
            "kind": family.type,
            "unit": family.unit,
            "help": family.documentation,
            "samples": [[sample.name, sample.labels, repr(sample.value)] for sample in family.samples],
        }
        for family in text_string_to_metric_families(page)
    ]
    json.dump(families, sys.stdout)


main(sys.argv[1])
