"""Checks the licences of all dependencies (cargo metadata on stdin) against deny.toml, for machines without cargo-deny.

An SPDX expression passes when its `AND` parts each hold and, of an `OR`, one part does. `/` is the old form of `OR`.
"""

import json
import re
import sys
import tomllib


def holds(expression: str, allowed: set[str]) -> bool:
    """Whether the licence expression can be met with allowed licences alone."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def disjunction() -> bool:
        met = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = conjunction() or met
        return met

    def conjunction() -> bool:
        met = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = term() and met
        return met

    def term() -> bool:
        if tokens[0] == "(":
            tokens.pop(0)
            met = disjunction()
            tokens.pop(0)
            return met
        name = tokens.pop(0)
        if tokens and tokens[0] == "WITH":
            name = f"{name} WITH {tokens[1]}"
            del tokens[:2]
        return name in allowed

    return disjunction()


def main() -> int:
    with open(sys.argv[1], "rb") as file:
        rules = tomllib.load(file)["licenses"]
    allowed = set(rules["allow"])
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in rules.get("exceptions", [])}
    packages = json.load(sys.stdin)["packages"]
    refused = [
        f"{package['name']} {package['version']}: {package['license'] or 'no licence stated'}"
        for package in packages
        if not package["license"] or not holds(package["license"], allowed | exceptions.get(package["name"], set()))
    ]
    for line in refused:
        print(f"licence not allowed by deny.toml: {line}")
    print(f"{len(packages)} packages, {len(refused)} with a licence that is not allowed")
    return 1 if refused else 0


sys.exit(main())
