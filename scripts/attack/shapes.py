#!/usr/bin/env python3
"""Prints hostile objects: every list, map and text that a rule reads, with any number of elements.

    shapes.py --list                                           the names
    shapes.py NAME --elements N                                an AdmissionReview of CREATE with N elements
    shapes.py NAME --bytes 3145728                             one of at most this size
    shapes.py NAME --operation UPDATE [--same-old|--one-new]   oldObject without elements; with the same ones; with all but one
    shapes.py NAME --manifest [--yaml] [--objects N]           only the object, or N of them, for check, fix and audit
    shapes.py --directory DIRECTORY ...                        all shapes, one file each
    shapes.py --settings                                       the settings that enable rules that are off by default

`--place first|middle|last` is the place of the element that `--one-new` adds. The same arguments print the same bytes.
"""

import argparse
import json
import pathlib
import sys

import cloud
import pods
import texts
import traffic

SHAPES = {shape.name: shape for module in (pods, texts, traffic, cloud) for shape in module.SHAPES}

SIZE = 3 * 1024 * 1024

# With these settings, no rule is skipped because a setting is missing.
SETTINGS = {
    "PLAYBOOK_AWS_ACCOUNTS": "222222222222",
    "PLAYBOOK_BASE_NODE_LABELS": "node-group=base",
    "PLAYBOOK_DNS_ZONES": "production.superinc.com",
    "PLAYBOOK_HEALTH_PORT": "9000",
    "PLAYBOOK_METRICS_PORT": "9090",
    "PLAYBOOK_ROOT_ZONES": "superinc.com",
    "PLAYBOOK_RULE_METRICS_ENDPOINT": "warn",
    "PLAYBOOK_RULE_NAMESPACE_PER_APPLICATION": "warn",
    "PLAYBOOK_RULE_POD_SECURITY_GROUP": "warn",
    "PLAYBOOK_RULE_NETWORK_POLICY": "warn",
    "PLAYBOOK_TLS_AT": "gateway",
}


def review(shape, count, operation, old, place):
    """Returns a review with `count` elements."""
    lists = shape.elements(count)
    new = shape.object(lists)
    if operation == "CREATE":
        return shape.review(operation, new, None)
    if operation == "DELETE":
        return shape.review(operation, None, new)
    if old == "same":
        return shape.review(operation, new, new)
    before = shape.without_one(lists, place) if old == "one-new" else [[] for _ in lists]
    return shape.review(operation, new, shape.object(before))


def count_within(shape, size, operation, old):
    """Returns the maximum number of elements for a review of at most `size` bytes, with both objects."""
    envelope = len(shape.review(operation, "", "").encode())
    if operation == "UPDATE":
        if old != "empty":
            return shape.count((size - envelope) // 2)
        envelope += len(shape.template)
    return shape.count(size - envelope)


def yaml(value, indent=""):
    """Yields lines of YAML in block style; strings and keys have JSON quotes."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from nested(f"{indent}{json.dumps(key)}:", child, indent + "  ")
    elif isinstance(value, list) and value:
        for child in value:
            lines = list(yaml(child, indent + "  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
    else:
        yield indent + json.dumps(value)


def nested(head, child, indent):
    if isinstance(child, (dict, list)) and child:
        yield head
        yield from yaml(child, indent)
    else:
        yield f"{head} {json.dumps(child)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=sorted(SHAPES), metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--settings", action="store_true")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--elements", type=int)
    size.add_argument("--bytes", type=int)
    parser.add_argument("--operation", default="CREATE", choices=["CREATE", "UPDATE", "DELETE"])
    old = parser.add_mutually_exclusive_group()
    old.add_argument("--same-old", dest="old", action="store_const", const="same", default="empty")
    old.add_argument("--one-new", dest="old", action="store_const", const="one-new")
    parser.add_argument("--place", default="last", choices=["first", "middle", "last"])
    parser.add_argument("--manifest", action="store_true")
    parser.add_argument("--yaml", action="store_true")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--directory", type=pathlib.Path)
    options = parser.parse_args()
    if options.list:
        print("\n".join(SHAPES))
    elif options.settings:
        print("\n".join(f"{name}={value}" for name, value in SETTINGS.items()))
    elif options.directory:
        for name, shape in SHAPES.items():
            (options.directory / name).write_text(text(shape, options) + "\n", encoding="utf-8")
    elif options.name:
        sys.stdout.write(text(SHAPES[options.name], options) + "\n")
    else:
        parser.error("name a shape, or use --list")


def text(shape, options):
    """Returns the text of a shape for the options."""
    if not options.manifest:
        count = options.elements or count_within(shape, options.bytes or SIZE, options.operation, options.old)
        return review(shape, count, options.operation, options.old, options.place)
    return manifest(shape, options.elements or shape.count(options.bytes or SIZE), options.objects, options.yaml)


def manifest(shape, count, objects=1, in_yaml=True):
    """Returns a file of `objects` objects, each with `count` elements; several objects are YAML documents."""
    text = shape.object(shape.elements(count))
    if objects == 1 and not in_yaml:
        return text
    documents = []
    for index in range(objects):
        content = json.loads(text)
        if objects > 1:
            content["metadata"]["name"] += f"-{index}"
        documents.append("\n".join(yaml(content)))
    return "\n---\n".join(documents)


if __name__ == "__main__":
    main()
