"""The same monitoring once, as a person would write it in Python with the standard library alone.

A peer for the benchmark of `report`: it reads the heartbeat, the state, the last verdicts, the reviews, the
site's times, the host's memory and vLLM's page, looks for sub-agents in /proc, and prints a summary.
"""

import json
import os
import re
import sys
import time
import urllib.request

runtime, repo, vllm = sys.argv[1], sys.argv[2], sys.argv[3]
findings = []


def read_json(name):
    try:
        with open(os.path.join(runtime, name)) as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        findings.append(f"WARN {name}: {error}")
        return {}


def last_lines(name, count):
    try:
        with open(os.path.join(runtime, name), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
            lines = file.read().splitlines()[-count:]
        return [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return []


def vllm_page():
    values = {}
    try:
        with urllib.request.urlopen(vllm + "/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                match = re.match(r"(vllm:[a-z_]+)\{[^}]*\} (\S+)", line)
                if match:
                    values[match[1]] = values.get(match[1], 0.0) + float(match[2])
    except OSError as error:
        findings.append(f"CRIT vllm: {error}")
    return values


def subagents():
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        for phase in ("planner", "judge", "writer"):
            if re.search(rf"(?i)\b{phase}\b", command):
                found[phase] = found.get(phase, 0) + 1
                break
    return found


def memory():
    with open("/proc/meminfo") as file:
        lines = dict(line.split(":", 1) for line in file)
    return int(lines["MemAvailable"].split()[0]) / int(lines["MemTotal"].split()[0])


heartbeat, state = read_json("state-heartbeat.json"), read_json("state.json")
age = time.time() - float(heartbeat.get("ts", 0) or 0)
if age > 900:
    findings.append(f"CRIT loop: heartbeat {age:.0f} s old")
verdicts, reviews = last_lines("verdicts.jsonl", 5), last_lines("meta-judge.jsonl", 1)
page, agents, free = vllm_page(), subagents(), memory()
print(f"iteration {state.get('iter')} heartbeat {age:.0f} s agents {agents} memory {free:.0%}")
print(f"running {page.get('vllm:num_requests_running')} tokens {page.get('vllm:generation_tokens_total')}")
print("verdicts", [verdict.get("verdict") for verdict in verdicts], "review", [r.get("health_score") for r in reviews])
index = os.path.join(repo, "journey-web/dist/index.html")
print("site", os.stat(index).st_mtime if os.path.exists(index) else None)
print("\n".join(findings))
