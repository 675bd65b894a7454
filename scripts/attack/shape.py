"""A hostile object: a template with places that are filled with any number of elements."""

import json


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Shape:
    """An object of one kind, whose marks `@0`, `@1`, ... are filled with elements.

    A mark is an element of a list (`["@0"]`), a member of a map (`{"@0": 0}`) or a part of a text (`"... @0 ..."`), depending on the kind of
    the part. A part's function returns an element as JSON, a member as `"key":value`, or a piece of the text.
    """

    def __init__(self, name, kind, body, *parts, namespace="shop", subresource="", kubernetes_name="web", most=None):
        self.name = name
        self.most = most
        self.parts = parts
        self.subresource = subresource
        self.namespace = namespace
        self.kubernetes_name = kubernetes_name
        self.api_version, self.kind = kind.rsplit("/", 1)
        self.group, _, self.version = self.api_version.rpartition("/")
        metadata = {"name": kubernetes_name} | ({"namespace": namespace} if namespace else {})
        metadata |= body.pop("metadata", {})
        self.template = compact({"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata} | body)

    def elements(self, count):
        """Returns `count` elements of all parts in turn, at most as many as rules evaluate."""
        count = min(count, self.most or count)
        lists = [[] for _ in self.parts]
        for index in range(count):
            kind, function = self.parts[index % len(self.parts)]
            lists[index % len(self.parts)].append(kind.encode(function(index // len(self.parts))))
        return lists

    def object(self, lists):
        """Returns the object with these elements, as JSON."""
        text = self.template
        for index, elements in enumerate(lists):
            kind = self.parts[index][0]
            text = kind.filled(text, kind.mark(index), elements)
        return text

    def count(self, size):
        """Returns the maximum number of elements for an object of at most `size` bytes, and at least one."""
        left = size - len(self.template.encode())
        index = 0
        while left > 0 and index <= (self.most or index):
            kind, function = self.parts[index % len(self.parts)]
            left -= len(kind.encode(function(index // len(self.parts))).encode()) + len(kind.separator)
            index += 1
        return max(1, index - 1)

    def without_one(self, lists, place):
        """Returns the elements without the first, middle or last one of the first part."""
        first = lists[0]
        index = {"first": 0, "middle": len(first) // 2, "last": len(first) - 1}[place]
        return [first[:index] + first[index + 1 :]] + lists[1:]

    def review(self, operation, new, old):
        """Returns an AdmissionReview. `new` and `old` are objects as JSON, or None."""
        plural = self.kind.lower() + ("es" if self.kind[-1] == "s" else "s")
        if plural.endswith("ys") and not plural.endswith("ays"):
            plural = plural[:-2] + "ies"
        request = {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": self.group, "version": self.version, "kind": self.kind},
            "resource": {"group": self.group, "version": self.version, "resource": plural},
            "name": self.kubernetes_name,
            "operation": operation,
            "userInfo": {"username": "jane", "groups": ["developers", "system:authenticated"]},
            "object": "@new",
            "oldObject": "@old",
        }
        if self.namespace:
            request["namespace"] = self.namespace
        # Ephemeral containers are added by an UPDATE of the subresource.
        if self.subresource and (operation == "UPDATE" or self.subresource == "token"):
            request["subResource"] = self.subresource
        text = compact({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
        head, rest = text.split('"@new"')
        middle, tail = rest.split('"@old"')
        return "".join([head, new or "null", middle, old or "null", tail])


class List:
    separator = ","

    @classmethod
    def filled(cls, text, mark, elements):
        """Replaces the mark with elements. Without elements, a comma next to it is removed too."""
        if elements:
            return text.replace(mark, cls.separator.join(elements), 1)
        for place in (mark + cls.separator, cls.separator + mark):
            if cls.separator and place in text:
                return text.replace(place, "", 1)
        return text.replace(mark, "", 1)

    @staticmethod
    def mark(index):
        return f'"@{index}"'

    @staticmethod
    def encode(element):
        return element


class Map(List):
    @staticmethod
    def mark(index):
        return f'"@{index}":0'


class Text(List):
    separator = ""

    @staticmethod
    def mark(index):
        return f"@{index}"

    @staticmethod
    def encode(element):
        return json.dumps(element)[1:-1]


def of(template, kind=List):
    """Returns a part. `%` in the template is the number of the element."""
    return kind, lambda index: template.replace("%", str(index))


def members(template):
    return of(template, Map)


def text(template):
    return of(template, Text)
