"""Hostile objects: ConfigMaps and Secrets with many keys, and long texts that are scanned for secrets."""

import base64

from shape import Shape, members, text

KEY = "AKIAIOSFODNN7EXAMPL"  # one character short: a digit completes it
ENCODED = base64.b64encode((KEY + "7").encode()).decode()
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvg%\n-----END PRIVATE KEY-----\n"


def config_map(name, *parts, field="data", **other):
    return Shape(name, "v1/ConfigMap", {field: {"@0": 0}}, *parts, **other)


def one_text(name, piece, key="a", field="data", kind="v1/ConfigMap"):
    return Shape(name, kind, {field: {key: "@0"}}, text(piece))


MAPS = [
    config_map("data-plain", members('"k%":"v"')),
    config_map("data-passwords", members('"k%_PASSWORD":"hunter%x"')),
    config_map("data-database-urls", members('"k%_DB_URL":"postgres://u:hunter%x@h/d"')),
    config_map("data-access-keys", members('"k%":"' + KEY + '7"')),
    config_map("data-files", members('"k%":"a: b\\npassword: hunter%x\\n"')),
    config_map("data-malformed", members('"k%":0')),
    config_map("data-keys-long", members('"' + "K" * 900 + '%_PASSWORD":"hunter%x"')),
    config_map("data-keys-escaped", members('"\\u006b%\\u0001_PASSWORD":"\\u0068unter%x"')),
    config_map("binary-data", members('"k%":"' + ENCODED + '"'), field="binaryData"),
    config_map("binary-data-broken", members('"k%":"="'), field="binaryData"),
    Shape(
        "aws-auth", "v1/ConfigMap", {"data": {"mapRoles": "@0"}}, text("- {rolearn: r%}\n"),
        namespace="kube-system", kubernetes_name="aws-auth",
    ),
    Shape("secret-data", "v1/Secret", {"data": {"@0": 0}, "type": "a/b"}, members('"k%":"' + ENCODED + '"')),
    Shape("secret-string-data", "v1/Secret", {"stringData": {"@0": 0}}, members('"k%":"' + KEY + '7"')),
    Shape("secret-text", "v1/Secret", {"stringData": {"a": "@0"}}, text(KEY + "7\n")),
    Shape("secret-base64", "v1/Secret", {"data": {"a": "@0"}}, text("QUtJ")),
]

TEXTS = [
    one_text("text-uris", "postgres://u:hunter%x@h/d\n"),
    one_text("text-uris-one-line", "postgres://u:hunter%x@h/d "),
    one_text("text-pem-blocks", PEM),
    one_text("text-pem-begins", "-----BEGIN PRIVATE KEY-----\n"),
    one_text("text-pem-begins-one-line", "-----BEGIN PRIVATE KEY-----"),
    one_text("text-pem-certificates", "-----BEGIN CERTIFICATE-----\n"),
    one_text("text-dashes", "-----BEGIN"),
    one_text("text-passwords", "password=hunter%x\n"),
    one_text("text-passwords-one-line", "password=hunter%x;"),
    one_text("text-properties", "a.b.c%=d\n"),
    one_text("text-names", "password"),
    one_text("text-name-values", "name: PASSWORD\nvalue: hunter%x\n"),
    one_text("text-access-keys", KEY + "7 "),
    one_text("text-tokens", "eyJ%."),
    one_text("text-schemes", "a://"),
    one_text("text-logins", "a://b:"),
    one_text("text-ats", "a://b:c@@"),
    one_text("text-colons", ":"),
    one_text("text-equals", "password="),
    one_text("text-quotes", 'password="'),
    one_text("text-backslashes", "\\"),
    one_text("text-braces", "password={"),
    one_text("text-dollars", "password=${a%}"),
    one_text("text-xml", "<password>hunter%x</password>"),
    one_text("text-comments", "# password: hunter%x\n"),
    one_text("text-headers", "Authorization: Bearer abcdefghijklmnopq%\n"),
    one_text("text-basic", "Basic YTpodW50ZXIy "),
    one_text("text-webhooks", "https://hooks.slack.com/services/T%/B%/abcdefghijklmnopqrstuvwx\n"),
    one_text("text-flags", "--password hunter%x "),
    one_text("text-tabs", "password\thunter%x\n"),
    one_text("text-word", "a"),
    one_text("text-spaces", " "),
    one_text("text-unicode", "password=hünter%x\n"),
    one_text("text-escapes", "\u0001"),
    one_text("text-json", '{"password":"hunter%x"},'),
    one_text("text-database-url", "postgres://u:p@h/%", key="DB_URL"),
    one_text("text-value", "hunter%", key="PASSWORD"),
]

SHAPES = MAPS + TEXTS
